"""Whether work grows with its input as it should, on any machine: as the ratio of two runs in one process."""

import time
from collections.abc import Callable

# What is linear takes 16 times as long for 16 times as much, what is quadratic 256 times.
TIMES, LIMIT = 16, 80
SHORT = 2_000


def is_linear(work: Callable[[str], object], pattern: str) -> bool:
    """Whether the time for a text made of `pattern` grows no faster than the text."""
    text = pattern * (SHORT // len(pattern))
    return _seconds(work, text * TIMES) < LIMIT * _seconds(work, text)


def _seconds(work: Callable[[str], object], text: str) -> float:
    def run() -> float:
        start = time.process_time()
        work(text)
        return time.process_time() - start

    return max(min(run() for _ in range(3)), 1e-4)


# What an expression may run over from each of its places.
PATTERNS = [
    *(
        " ",
        "\n",
        " \n",
        "\t",
        ".",
        "?",
        ". ",
        "•",
        "• ",
        " •",
        "-",
        "-\n",
        "|\n",
        "#",
        "# \n",
        "1",
        "1.",
        "a",
    ),
    *('."', "a-\n", "Ab. ", "A.", "。", "”", "ก ", ". . ", "A" * 61 + " ", "A" * 60 + "\n", "\u00ad", "\r"),
    *("data:a/b;", "data:image/", " " * 999 + "x", "\n" * 999 + "x", "." * 999 + "x", "A" * 999 + "-"),
]
