"""A text as tokens, each with how good a place for a cut its beginning is; pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tokenizers import Encoding

from rag_workloads.worker.pages import Block
from rag_workloads.worker.places import Place, between_words, within_word


@dataclass(slots=True)
class Tokens:
    """Each has an entry in `starts`, `ends`, its characters in `text`, and `places`, how good its own is."""

    text: str = ""
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.starts)

    def append(self, text: str, encoding: Encoding, block: Block, longest: int) -> None:
        """Add text of a block as tokens of so many characters at most; a text without a token is left out."""
        if not encoding.offsets:
            return
        base = len(self.text)
        self.text += text
        word_before: int | None = -1
        for start, end, word in _short(encoding, longest):
            start, end = _without_space(self.text, base + start, base + end)  # noqa: PLW2901
            if start < end:
                self.places.append(self._place(start, block, word == word_before))
                self.starts.append(start)
                self.ends.append(end)
                word_before = word

    def open_block(self, start: int, place: Place) -> None:
        """Say which place a block's beginning is."""
        at = len(self)
        while at > 0 and self.ends[at - 1] > start:
            at -= 1
        if at < len(self):
            self.places[at] = place

    def _place(self, start: int, block: Block, within: bool) -> Place:
        """That of a new token, which may stand within the word of the last one."""
        if not self.ends:
            return Place.BEFORE_BLOCK
        before = self.ends[-1]
        if start < before:
            return Place.WITHIN_CHARACTER
        return (within_word if within else between_words)(self.text, before, start, block)

    def halve(self, at: int) -> bool:
        """Make two tokens of one; whether it has two characters."""
        start, end = self.starts[at], self.ends[at]
        middle = (start + end) // 2
        if middle == start:
            return False
        self.starts.insert(at + 1, middle)
        self.ends.insert(at, middle)
        self.places.insert(at + 1, Place.BETWEEN_CHARACTERS)
        return True

    def forget(self, count: int) -> int:
        """Drop so many tokens, but not all, and their text; how many characters that were."""
        base = self.starts[count]
        self.text = self.text[base:]
        self.starts = [at - base for at in self.starts[count:]]
        self.ends = [at - base for at in self.ends[count:]]
        self.places = self.places[count:]
        return base


def _short(encoding: Encoding, longest: int) -> Iterator[tuple[int, int, int | None]]:
    """The tokens with each that is long as several of equal length, and the numbers of their words."""
    for (start, end), word in zip(encoding.offsets, encoding.word_ids, strict=True):
        length = end - start
        parts = 1 + length // longest
        for part in range(parts):
            yield start + length * part // parts, start + length * (part + 1) // parts, word


def _without_space(text: str, start: int, end: int) -> tuple[int, int]:
    """A token without the white space before its word, which some tokenizers count to it."""
    while start < end and text[start].isspace():
        start += 1
    return start, end
