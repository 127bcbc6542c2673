"""Whether work grows with its input as it should: as the ratio of two runs in one process.

Neither the speed of the machine nor what else it does decides: speed is in both runs, and a disturbance
makes a run longer, never shorter, so that the shortest of many is the work itself. They are repeated until
they tell.
"""

import time
from collections.abc import Callable

# What is linear takes 16 times as long for 16 times as much, what is quadratic 256 times.
TIMES, LIMIT = 16, 64
SHORT = 2_000
# What is still not linear after so many runs is not.
RUNS = 20
# Below it a clock tells nothing; what is quadratic takes longer.
LEAST_SECONDS = 1e-4


def is_linear(work: Callable[[str], object], pattern: str) -> bool:
    """Whether the work on a text made of `pattern` grows no faster than the text."""
    text = pattern * (SHORT // len(pattern))
    short = long = float("inf")
    for _ in range(RUNS):
        short = min(short, _seconds(work, text))
        long = min(long, _seconds(work, text * TIMES))
        if long < LIMIT * max(short, LEAST_SECONDS):
            return True
    return False


def _seconds(work: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    work(text)
    return time.process_time() - start


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
