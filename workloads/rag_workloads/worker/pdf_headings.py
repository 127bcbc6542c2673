"""Which lines of a PDF are headings, and of which level: by their type against the body's, or the outline."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag_workloads.worker.pdf_lines import Line

# In sizes of the body's type.
LARGER, AS_LARGE = 1.12, 0.95
# Points; sizes that differ less are one.
NO_OTHER = 0.3
MOST_LINES, MOST_CHARACTERS = 3, 160
DEEPEST = 6
NUMBERING = re.compile(
    r"\A(?:(?:chapter|section|appendix|part)\s+)?((?:\d{1,3}|[A-Z])(?:\.\d{1,3})*)\.?\s", re.IGNORECASE
)
CAPTION = re.compile(r"(?:fig(?:ure|\.)|table|listing|图|表)\s*\d", re.IGNORECASE)
NO_HEADING_ENDS = tuple(".,;:。，；：")
NO_LETTERS = re.compile(r"[\W\d_]+")


@dataclass(frozen=True)
class Types:
    """The type of a document: the size of its body, and those of its headings, largest first.

    `outline` names the headings of each page, from 1, by their letters and digits alone, and their levels;
    `listed` are the levels that those of a size mostly have there.
    """

    body: float = 0.0
    sizes: tuple[float, ...] = ()
    outline: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    listed: Mapping[float, int] = field(default_factory=dict)

    def level(self, lines: Sequence[Line], page: int) -> int:
        """That of a paragraph on a page if it is a heading, from 1, else 0."""
        text = " ".join(" ".join(line.text for line in lines).split())
        if len(lines) > MOST_LINES or len(text) > MOST_CHARACTERS or not NO_LETTERS.sub("", text):
            return 0
        listed = self.outline.get(page, {}).get(letters(text), 0)
        return listed or (self._rank(lines[0].size) if self._stands_out(lines, text) else 0)

    def _stands_out(self, lines: Sequence[Line], text: str) -> bool:
        if CAPTION.match(text) or text.endswith(NO_HEADING_ENDS):
            return False
        size = min(line.size for line in lines)
        bold = all(line.bold and not line.mono for line in lines) and size >= AS_LARGE * self.body
        return bold or size >= LARGER * self.body

    def _rank(self, size: float) -> int:
        for listed, level in self.listed.items():
            if abs(listed - size) <= NO_OTHER:
                return level
        larger = sum(other > size + NO_OTHER for other in self.sizes)
        return min(1 + larger, DEEPEST)


def types_of(pages: Iterable[tuple[int, Sequence[Line]]], outline: Sequence[tuple[int, str, int]]) -> Types:
    """The type of a document, of some of its numbered pages and its outline: levels, titles and pages."""
    sampled = [(page, line) for page, lines in pages for line in lines]
    sizes: Counter[float] = Counter()
    for _, line in sampled:
        sizes[line.size] += len(line.text)
    body = max(sizes, key=sizes.__getitem__, default=0.0)
    titles: dict[int, dict[str, int]] = {}
    for level, title, page in outline:
        titles.setdefault(page, {})[letters(title)] = min(level, DEEPEST)
    listed: dict[float, Counter[int]] = {}
    for page, line in sampled:
        if level := titles.get(page, {}).get(letters(line.text), 0):
            listed.setdefault(line.size, Counter())[level] += 1
    types = Types(body, (), titles)
    found = sorted({line.size for page, line in sampled if types.level([line], page)}, reverse=True)
    levels = {size: counted.most_common(1)[0][0] for size, counted in listed.items() if size > body}
    return Types(body, tuple(_apart(found)), titles, levels)


def _apart(sizes: Iterable[float]) -> Iterable[float]:
    last = float("inf")
    for size in sizes:
        if last - size > NO_OTHER:
            yield size
            last = size


def letters(text: str) -> str:
    """A title without what may be written otherwise in an outline."""
    return "".join(
        character for character in NUMBERING.sub("", text, count=1).casefold() if character.isalnum()
    )
