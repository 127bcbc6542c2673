"""The order in which a page is read: columns from left to right, between what runs over all of them; pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rag_workloads.worker.pdf_lines import Line

# Points; a gutter is at least so wide, in sizes of the type too, and so far from the text's edges.
STEP, GUTTER, GUTTER_SIZES = 2.0, 8.0, 0.8
MARGIN_SHARE = 0.15
# What may run over a gutter, of the height of all lines: headings, figures, the beginning of an article.
CROSSING = 0.4
LEAST_LINES = 4
# Columns are prose: their lines have so many characters, and fill so much of the column.
PROSE_CHARACTERS, PROSE_FILL = 12, 0.55


def columns(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines, column by column; all in one if there are no columns."""
    gutter = _gutter(lines)
    if gutter is None:
        yield list(lines)
        return
    in_order = sorted(lines, key=lambda line: line.y0)
    for over_both, band in groupby(in_order, key=lambda line: line.x0 < gutter < line.x1):
        if over_both:
            yield list(band)
        else:
            yield from _side_by_side(list(band), gutter)


def _side_by_side(band: list[Line], gutter: float) -> Iterator[list[Line]]:
    for side in ([line for line in band if line.x1 <= gutter], [line for line in band if line.x0 >= gutter]):
        if side:
            yield from columns(side)


def _gutter(lines: Sequence[Line]) -> float | None:
    """The middle of the emptiest strip between two columns of prose, if there is one."""
    if len(lines) < 2 * LEAST_LINES:
        return None
    left, right = min(line.x0 for line in lines), max(line.x1 for line in lines)
    covered = [0.0] * (int((right - left) / STEP) + 1)
    for line in lines:
        for at in range(int((line.x0 - left) / STEP), int((line.x1 - left) / STEP) + 1):
            covered[at] += line.y1 - line.y0
    total = sum(line.y1 - line.y0 for line in lines)
    size = sorted(line.size for line in lines)[len(lines) // 2]
    for start, end in _strips(covered, CROSSING * total):
        middle = left + (start + end) / 2 * STEP
        wide = (end - start) * STEP >= max(GUTTER, GUTTER_SIZES * size)
        if wide and _between_prose(lines, middle, (left, right)):
            return middle
    return None


def _strips(covered: list[float], most: float) -> Iterator[tuple[int, int]]:
    """Where little is drawn away from the margins, the emptiest first."""
    first, last = int(len(covered) * MARGIN_SHARE), int(len(covered) * (1 - MARGIN_SHARE))
    strips: list[tuple[float, int, int]] = []
    at = first
    while at < last:
        start, least = at, covered[at]
        while at < len(covered) and covered[at] == least:
            at += 1
        if least <= most:
            strips.append((least, start, at))
    for _, start, end in sorted(strips, key=lambda strip: (strip[0], strip[1] - strip[2])):
        yield start, end


def _between_prose(lines: Sequence[Line], gutter: float, extent: tuple[float, float]) -> bool:
    prose = [line for line in lines if not line.mono]
    sides = [line for line in prose if line.x1 <= gutter], [line for line in prose if line.x0 >= gutter]
    if min(map(len, sides)) < LEAST_LINES:
        return False
    if min(max(line.y1 for line in side) for side in sides) <= max(
        min(line.y0 for line in side) for side in sides
    ):
        return False
    return all(map(_is_prose, sides))


def _is_prose(side: list[Line]) -> bool:
    """Whether half of a side's characters are in lines as long as a column's."""
    left, right = min(line.x0 for line in side), max(line.x1 for line in side)
    half = sum(len(line.text) for line in side) / 2
    for line in sorted(side, key=lambda line: line.x1 - line.x0):
        half -= len(line.text)
        if half <= 0:
            return line.x1 - line.x0 >= PROSE_FILL * (right - left) and len(line.text) >= PROSE_CHARACTERS
    return False
