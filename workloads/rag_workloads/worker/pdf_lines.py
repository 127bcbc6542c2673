"""The lines of a PDF's page as they are drawn: where they are, and in what type."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any

import pymupdf

from rag_workloads.worker.pdf_hidden import Span

FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
# Drawings are asked for together with the text, as a page may take a tenth of a second to go through where
# each glyph is a font; and lazily, as else they part the lines of a paragraph.
DRAWINGS = pymupdf.TEXT_COLLECT_VECTORS | pymupdf.TEXT_LAZY_VECTORS
DRAWING = 3
BOLD_NAMES, MONO_NAMES = ("bold", "black", "heavy"), ("mono", "courier", "consol", "typewriter")
# Segments that are nearer, in sizes of their type, are one line: justified text has such spaces.
WORD_SPACE = 1.2
# So many of them tell that it is, if the widest is at most so many times as wide as the others.
EVEN_GAPS, EVEN = 3, 1.5
# What begins an item of a list; its text may be far from it. Bullets that are nothing else, and the numbers
# of Chinese lists, need no blank behind them.
BULLETS, DASHES, NUMERALS = "•‣▪▫◦●■◆➢✓\uf0b7\uf0a7①-⑳", "○□–—*·-", "一二三四五六七八九十"
MARKER = re.compile(
    rf"[{BULLETS}]|(?:[（(]?[{NUMERALS}]{{1,3}}|\d{{1,3}}(?=、))[、）)](?![{NUMERALS}\d])"
    rf"|(?:[{DASHES}]|\(?(?:\d{{1,3}}|[a-z]|[ivx]{{1,5}})[.)])(?:\s|$)"
)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """Words in a row; its box in points from the page's top left, and the size of most of its characters.

    It is `bold` or `mono` if all of it is, and `turned` if it does not run from left to right. `group` is
    what MuPDF takes for a paragraph.
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool = False
    mono: bool = False
    turned: bool = False
    group: int = 0

    @property
    def middle(self) -> float:
        """Of its height."""
        return (self.y0 + self.y1) / 2

    def beside(self, other: "Line") -> bool:
        """Whether both stand in one row."""
        overlap = min(self.y1, other.y1) - max(self.y0, other.y0)
        return overlap > 0.5 * min(self.y1 - self.y0, other.y1 - other.y0)


class Drawn:
    """What is drawn on a page: lines of text, in this order, and the boxes of rules and rectangles."""

    def __init__(self, page: pymupdf.Page, seen: Callable[[list[Span]], list[Span]]) -> None:
        """The lines are of what is `seen` of their spans."""
        self._text = page.get_textpage(flags=FLAGS | DRAWINGS)
        blocks = self._text.extractDICT()["blocks"]
        found = [
            _line(line | {"spans": seen(line["spans"])}, group)
            for group, block in enumerate(blocks)
            for line in block.get("lines", ())
        ]
        self.lines = list(_justified(line for line in found if line.text.strip()))
        self.boxes: list[Box] = [
            block["bbox"] for block in blocks if block["type"] == DRAWING and block["isrect"]
        ]

    def words(self, line: Line) -> Iterator[Line]:
        """The words of a line, and not those of others that are drawn over it."""
        for x0, y0, x1, y1, text, *_ in self._text.extractWORDS():
            word = replace(line, text=text, x0=x0, y0=y0, x1=x1, y1=y1)
            within = line.x0 <= (x0 + x1) / 2 <= line.x1 and line.y0 <= word.middle <= line.y1
            if within and text in line.text:
                yield word


def _line(line: dict[str, Any], group: int) -> Line:
    spans = [span for span in line["spans"] if span["text"].strip()]
    sizes: Counter[float] = Counter()
    for span in spans:
        sizes[round(span["size"], 1)] += len(span["text"])
    size = max(sizes, key=sizes.__getitem__, default=0.0)
    text = "".join(span["text"] for span in line["spans"])
    bold, mono = bool(spans) and all(map(_is_bold, spans)), bool(spans) and all(map(_is_mono, spans))
    x0, y0, x1, y1 = line["bbox"]
    return Line(text, x0, y0, x1, y1, size, bold, mono, line["dir"][0] < 0.9, group)


def _justified(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, in one piece where their words are far apart to fill the width of a column, and evenly."""
    row: list[Line] = []
    for line in lines:
        if row and not (line.group == row[0].group and line.beside(row[0])):
            yield from _one_if_even(row)
            row = []
        row.append(line)
    yield from _one_if_even(row)


def _one_if_even(row: list[Line]) -> list[Line]:
    gaps = [right.x0 - left.x1 for left, right in pairwise(row)]
    even = len(gaps) >= EVEN_GAPS and 0 < max(gaps) < min(EVEN * min(gaps), WORD_SPACE * row[0].size)
    return [whole(row)] if even else row


def _is_bold(span: Span) -> bool:
    return bool(span["flags"] & pymupdf.TEXT_FONT_BOLD) or _named(span, BOLD_NAMES)


def _is_mono(span: Span) -> bool:
    return bool(span["flags"] & pymupdf.TEXT_FONT_MONOSPACED) or _named(span, MONO_NAMES)


def _named(span: Span, names: tuple[str, ...]) -> bool:
    font = span["font"].lower()
    return any(name in font for name in names)


def rows(lines: Iterable[Line]) -> list[list[Line]]:
    """From top to bottom, those that stand beside each other from left to right; what is near is joined."""
    found: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.middle):
        if found and line.beside(found[-1][0]):
            found[-1].append(line)
        else:
            found.append([line])
    return [list(_joined(sorted(row, key=lambda line: line.x0))) for row in found]


def _joined(row: list[Line]) -> Iterator[Line]:
    last = row[0]
    for line in row[1:]:
        if line.x0 - last.x1 < WORD_SPACE * max(last.size, line.size) or MARKER.fullmatch(last.text.strip()):
            last = join(last, line)
        else:
            yield last
            last = line
    yield last


def whole(row: Iterable[Line]) -> Line:
    """A row as one line."""
    return reduce(join, row)


def join(left: Line, right: Line) -> Line:
    """Two lines of a row as one."""
    first = left if len(left.text) >= len(right.text) else right
    return replace(
        first,
        text=f"{left.text.rstrip()} {right.text.lstrip()}",
        x0=min(left.x0, right.x0),
        y0=min(left.y0, right.y0),
        x1=max(left.x1, right.x1),
        y1=max(left.y1, right.y1),
        bold=left.bold and right.bold,
        mono=left.mono and right.mono,
        group=left.group,
    )
