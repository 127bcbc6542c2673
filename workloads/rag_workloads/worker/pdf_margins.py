"""Running headers and footers: what stands at the same place of neighbouring pages; pure."""

import re
from collections.abc import Sequence
from itertools import pairwise
from math import inf

from rag_workloads.worker.pdf_lines import Line, rows

# Of a page's height; headers are above its upper part, and footers below its lower.
MARGIN = 0.12
# Points.
NEAR = 3.0
NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")
# Rows of a header, or of a footer, and how far they are from the page's text, in sizes of their type.
MOST_ROWS, GAP = 3, 0.9


def running(lines: Sequence[Line], neighbours: Sequence[Sequence[Line]], height: float) -> set[Line]:
    """The lines of a page that its neighbours show to be its running header and footer; never all it has."""
    in_order = rows(lines)
    found: set[Line] = set()
    for top, bottom, inwards in (-inf, MARGIN * height, 1), ((1 - MARGIN) * height, inf, -1):
        others = {_key(line) for page in neighbours for line in page if _between(line, top, bottom)}
        held: list[Line] = []
        for row, inner in pairwise(in_order[::inwards][: MOST_ROWS + 1]):
            # A title beside a page's number runs with it, though it is another one in the next chapter.
            if not any(_between(line, top, bottom) and _repeated(line, others) for line in row):
                break
            held += row
            if _gap(row[0], inner[0]) > GAP * row[0].size:
                found.update(held)
    return {line for line in lines if any(_within(line, other) for other in found)}


def _between(line: Line, top: float, bottom: float) -> bool:
    return top < line.y0 and line.y1 < bottom


def _gap(line: Line, other: Line) -> float:
    return max(line.y0, other.y0) - min(line.y1, other.y1)


def _key(line: Line) -> tuple[str, float]:
    return NUMBER.sub("#", " ".join(line.text.lower().split())), line.middle


def _repeated(line: Line, others: set[tuple[str, float]]) -> bool:
    text, middle = _key(line)
    return any(text == other and abs(middle - at) <= NEAR for other, at in others)


def _within(line: Line, row: Line) -> bool:
    """Whether a line is a part of a row, in which lines are joined."""
    return abs(line.middle - row.middle) <= NEAR and row.x0 - 1 <= line.x0 and line.x1 <= row.x1 + 1
