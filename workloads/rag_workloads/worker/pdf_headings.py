"""Which lines of a PDF are headings, and of which level: by their type against the body's, or the outline."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag_workloads.worker.pdf_lines import Line

# In sizes of the body's type.
LARGER, AS_LARGE = 1.12, 0.95
MOST_LINES, MOST_CHARACTERS = 3, 160
DEEPEST = 6
NUMBERING = re.compile(
    r"(?:(?:chapter|section|appendix|part)\s+)?((?:\d{1,3}|[A-Z])(?:\.\d{1,3})*)\.?\s", re.IGNORECASE
)
CAPTION = re.compile(r"(?:fig(?:ure|\.)|table|listing|图|表)\s*\d", re.IGNORECASE)
NO_HEADING_ENDS = tuple(".,;:。，；：")
NO_LETTERS = re.compile(r"[\W\d_]+")


@dataclass(frozen=True)
class Types:
    """The type of a document: the size of its body, and those of its headings, largest first.

    `outline` names the headings of each page, from 1, by their letters and digits alone, and their levels.
    """

    body: float = 0.0
    sizes: tuple[float, ...] = ()
    outline: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    def level(self, lines: Sequence[Line], page: int) -> int:
        """That of a paragraph on a page if it is a heading, from 1, else 0."""
        text = " ".join(" ".join(line.text for line in lines).split())
        if len(lines) > MOST_LINES or len(text) > MOST_CHARACTERS or not NO_LETTERS.sub("", text):
            return 0
        listed = self.outline.get(page, {}).get(letters(text), 0)
        return listed or (self._rank(lines[0].size) if self._stands_out(lines, text) else 0)

    def _stands_out(self, lines: Sequence[Line], text: str) -> bool:
        if any(line.mono for line in lines) or CAPTION.match(text) or text.endswith(NO_HEADING_ENDS):
            return False
        size = min(line.size for line in lines)
        bold = all(line.bold for line in lines) and size >= AS_LARGE * self.body
        return bold or size >= LARGER * self.body

    def _rank(self, size: float) -> int:
        larger = sum(other > size + 0.3 for other in self.sizes)
        return min(1 + larger, DEEPEST)


def types_of(pages: Iterable[Sequence[Line]], outline: Sequence[tuple[int, str, int]]) -> Types:
    """The type of a document, of some of its pages and its outline: levels, titles and pages."""
    sampled = list(pages)
    sizes: Counter[float] = Counter()
    for lines in sampled:
        for line in lines:
            sizes[line.size] += len(line.text)
    body = max(sizes, key=sizes.__getitem__, default=0.0)
    titles: dict[int, dict[str, int]] = {}
    for level, title, page in outline:
        titles.setdefault(page, {})[letters(title)] = min(level, DEEPEST)
    types = Types(body, (), titles)
    found = sorted({line.size for lines in sampled for line in lines if types.level([line], 0)}, reverse=True)
    return Types(body, tuple(_apart(found)), titles)


def _apart(sizes: Iterable[float]) -> Iterable[float]:
    last = float("inf")
    for size in sizes:
        if last - size > 0.3:
            yield size
            last = size


def letters(text: str) -> str:
    """A title without what may be written otherwise in an outline."""
    return "".join(
        character for character in NUMBERING.sub("", text, count=1).casefold() if character.isalnum()
    )
