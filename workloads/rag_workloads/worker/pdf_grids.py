"""Tables whose cells have borders: the grids that a page's rules make, and what stands in their cells."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from rag_workloads.worker.pdf_lines import Box, Drawn, Line
from rag_workloads.worker.pdf_tables import HEADER_ROWS, Table

# Points: how wide a rule is at most, and how far from where it should be.
RULE, NEAR = 3.0, 2.5
# A page with more of them is a drawing, and looking for tables in it takes seconds.
MOST_BOXES = 3000
# A grid in which fewer cells have text is a drawing too.
LEAST_FILLED = 0.3


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line, down or across the page: its place across its direction, and its ends along it."""

    at: float
    start: float
    end: float

    def crosses(self, other: "Rule") -> bool:
        """Whether it meets one of the other direction."""
        here = self.start - NEAR <= other.at <= self.end + NEAR
        return here and other.start - NEAR <= self.at <= other.end + NEAR


def bordered(drawn: Drawn) -> list[Table]:
    """The tables whose cells have borders."""
    if len(drawn.boxes) > MOST_BOXES:
        return []
    found = (_table(drawn, *grid) for grid in _grids(*_rules(drawn.boxes)))
    return [table for table in found if table]


def _rules(boxes: Iterable[Box]) -> tuple[list[Rule], list[Rule]]:
    """Those across the page, and those down."""
    across: list[Rule] = []
    down: list[Rule] = []
    for box in boxes:
        for x0, y0, x1, y1 in _strokes(*box):
            if y1 - y0 <= RULE < x1 - x0:
                across.append(Rule((y0 + y1) / 2, x0, x1))
            elif x1 - x0 <= RULE < y1 - y0:
                down.append(Rule((x0 + x1) / 2, y0, y1))
    return _merged(across), _merged(down)


def _strokes(x0: float, y0: float, x1: float, y1: float) -> tuple[Box, ...]:
    """A narrow box, or the four sides of another one."""
    if min(x1 - x0, y1 - y0) <= RULE:
        return ((x0, y0, x1, y1),)
    return (x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)


def _merged(rules: Sequence[Rule]) -> list[Rule]:
    """Rules of one direction, those that lie on each other or follow each other as one."""
    places = _clusters(rule.at for rule in rules)
    merged: dict[float, list[Rule]] = {place: [] for place in places}
    for rule in sorted(rules, key=lambda rule: rule.start):
        place = places[bisect_right(places, rule.at) - 1]
        same = merged[place]
        if same and rule.start <= same[-1].end + NEAR:
            same[-1] = Rule(place, same[-1].start, max(same[-1].end, rule.end))
        else:
            same.append(Rule(place, rule.start, rule.end))
    return [rule for same in merged.values() for rule in same]


def _clusters(places: Iterable[float]) -> list[float]:
    """Places in order, those that are near each other as the first of them."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > NEAR:
            found.append(place)
    return found


def _grids(across: list[Rule], down: list[Rule]) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Rules that cross each other, together, where they make cells beside and below each other."""
    across, down = list(across), list(down)
    while across:
        grid_across, grid_down = [across.pop()], list[Rule]()
        for _ in range(len(across) + len(down)):
            new_down = [rule for rule in down if any(map(rule.crosses, grid_across))]
            down = [rule for rule in down if rule not in new_down]
            grid_down += new_down
            new_across = [rule for rule in across if any(map(rule.crosses, grid_down))]
            across = [rule for rule in across if rule not in new_across]
            grid_across += new_across
            if not new_down and not new_across:
                break
        if len(grid_across) >= 2 and grid_down:
            yield grid_across, grid_down


def _table(drawn: Drawn, across: list[Rule], down: list[Rule]) -> Table | None:
    """What stands in a grid's cells; None if it is no table."""
    ys, xs = _edges(across, down), _edges(down, across)
    height, width = len(ys) - 1, len(xs) - 1
    if height < 2 or width < 2:
        return None
    owner = _owners(ys, xs, across, down)
    texts: dict[tuple[int, int], list[Line]] = {}
    for line in drawn.lines:
        for part in _within_walls(drawn, line, ys, xs, down):
            row, column = bisect_right(ys, part.middle) - 1, bisect_right(xs, (part.x0 + part.x1) / 2) - 1
            if 0 <= row < height and 0 <= column < width:
                texts.setdefault(owner[row, column], []).append(part)
    cells = len(set(owner.values()))
    used = {row for row, _ in texts}, {column for _, column in texts}
    if len(texts) < LEAST_FILLED * cells or min(map(len, used)) < 2:
        return None
    rows = [
        [" ".join(line.text.strip() for line in texts.get((row, column), ())) for column in range(width)]
        for row in range(height)
    ]
    return Table(rows, _headers(texts, height), (xs[0], ys[0], xs[-1], ys[-1]))


def _edges(rules: Iterable[Rule], crossing: Sequence[Rule]) -> list[float]:
    """The places of a grid's rules, and its outer edges, which may have none."""
    ends = min(rule.start for rule in crossing), max(rule.end for rule in crossing)
    return _clusters([*(rule.at for rule in rules), *ends])


def _owners(
    ys: list[float], xs: list[float], across: list[Rule], down: list[Rule]
) -> dict[tuple[int, int], tuple[int, int]]:
    """For each field of a grid the first field of its cell: two with no rule between them are one."""
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    for row, column in product(range(len(ys) - 1), range(len(xs) - 1)):
        middle_x, middle_y = (xs[column] + xs[column + 1]) / 2, (ys[row] + ys[row + 1]) / 2
        if column and not _is_ruled(down, xs[column], middle_y):
            owner[row, column] = owner[row, column - 1]
        elif row and not _is_ruled(across, ys[row], middle_x):
            owner[row, column] = owner[row - 1, column]
        else:
            owner[row, column] = row, column
    return owner


def _is_ruled(rules: Iterable[Rule], at: float, along: float) -> bool:
    return any(abs(rule.at - at) <= NEAR and rule.start - NEAR <= along <= rule.end + NEAR for rule in rules)


def _within_walls(
    drawn: Drawn, line: Line, ys: list[float], xs: list[float], down: list[Rule]
) -> Iterable[Line]:
    """A line of a grid, in words where a rule parts them."""
    if not (ys[0] <= line.middle <= ys[-1] and xs[0] - NEAR <= line.x0 and line.x1 <= xs[-1] + NEAR):
        return ()
    walls = (x for x in xs if line.x0 + NEAR < x < line.x1 - NEAR and _is_ruled(down, x, line.middle))
    return drawn.words(line) if any(walls) else (line,)


def _headers(texts: dict[tuple[int, int], list[Line]], height: int) -> int:
    """How many rows at the top are in bold type; the first one is the header in any case."""
    for at in range(min(height - 1, HEADER_ROWS)):
        row = [line for (row, _), lines in texts.items() if row == at for line in lines]
        if not all(line.bold for line in row):
            return max(1, at)
    return min(height - 1, HEADER_ROWS)
