"""Texts that were cut from one, put together again; pure."""

# What ends one text and begins the next by chance is shorter.
LEAST = 8


def join(first: str, second: str) -> str:
    """Both texts in a row, with what ends the first and begins the second only once."""
    for length in range(min(len(first), len(second)), LEAST - 1, -1):
        if first.endswith(second[:length]):
            return first + second[length:]
    return f"{first}\n{second}"
