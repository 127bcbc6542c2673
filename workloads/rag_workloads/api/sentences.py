"""Text cut into sentences, each with its place; pure."""

import re
from dataclasses import dataclass

# After a full stop, where a capital, digit or bracket follows; after a CJK one, always; at a blank line; at a
# numbered heading in a line of its own, which is no part of a sentence.
BOUNDARY = re.compile(
    r"(?<=[.!?])\s+(?=[\"“(\[A-Z0-9])|(?<=[。！？])|\n\s*\n|\s*•\s*"
    r"|^\d+(?:\.\d+)+\.? [A-Z][^\n.]{0,80}\n",
    re.MULTILINE,
)
SPACES = re.compile(r"\s+")
# Shorter ones are headings, numbers and leaders of a table of contents.
MIN_LETTERS = 8


@dataclass(frozen=True)
class Sentence:
    """A sentence on one line; `start` is its offset in the text that it was cut from."""

    text: str
    start: int


def split_sentences(text: str) -> list[Sentence]:
    """The sentences of a text, in order; the whole text if it has none."""
    starts = [0, *(match.end() for match in BOUNDARY.finditer(text))]
    ends = [*(match.start() for match in BOUNDARY.finditer(text)), len(text)]
    pieces = [_sentence(text, start, end) for start, end in zip(starts, ends, strict=True)]
    sentences = [piece for piece in pieces if sum(map(str.isalpha, piece.text)) >= MIN_LETTERS]
    return sentences or [_sentence(text, 0, len(text))]


def _sentence(text: str, start: int, end: int) -> Sentence:
    piece = text[start:end]
    return Sentence(SPACES.sub(" ", piece).strip(), start + len(piece) - len(piece.lstrip()))
