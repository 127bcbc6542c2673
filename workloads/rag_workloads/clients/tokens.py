"""How many tokens a text has, as far as that can be told without the model; pure."""

import math

# On the safe side for a model that was made for English: of its own text it makes a token of four characters,
# of other scripts one of little more than a byte.
ASCII_PER_TOKEN, BYTES_PER_TOKEN = 3, 1.5
# What a text may have more than the last one, that the model counted.
MARGIN = 1.1


class TokenEstimate:
    """An estimate that learns from what the model counted."""

    def __init__(self) -> None:
        self._factor = 1.0

    def tokens(self, text: str) -> int:
        """About how many tokens a text has."""
        return math.ceil(_at_most(text) * self._factor)

    def learn(self, text: str, tokens: int) -> None:
        """The model counted so many in a text."""
        self._factor = min(1.0, MARGIN * tokens / (_at_most(text) or 1))


def _at_most(text: str) -> float:
    ascii_characters = sum(map(str.isascii, text))
    other_bytes = len(text.encode(errors="replace")) - ascii_characters
    return ascii_characters / ASCII_PER_TOKEN + other_bytes / BYTES_PER_TOKEN
