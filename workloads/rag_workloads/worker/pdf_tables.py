"""Tables, and those whose cells have no borders: short lines that stand in columns; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag_workloads.worker.pages import Block, clean
from rag_workloads.worker.pdf_lines import Box, Line

# Points.
NEAR = 3.0
# Without borders, a table is so many rows in turn of cells in columns, some of them short; in sizes of the
# type, how far rows are apart at most, and how much nearer the lines of one cell are.
LEAST_ROWS, LEAST_COLUMNS, SHORT_CELL, LONG_CELL = 3, 2, 35, 90
FAR, NEARER = 1.5, 0.15
HEADER_ROWS = 3

Column = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, of which the first `headers` are its header, and the box that they fill."""

    rows: list[list[str]]
    headers: int
    box: Box

    def holds(self, line: Line) -> bool:
        """Whether a line stands within it."""
        x0, y0, x1, y1 = self.box
        return x0 - NEAR <= (line.x0 + line.x1) / 2 <= x1 + NEAR and y0 - NEAR <= line.middle <= y1 + NEAR

    def blocks(self) -> Iterator[Block]:
        """Its rows, each with the header that it stands under."""
        texts = ["\t".join(clean(" ".join(cell.split())) for cell in row).strip("\t") for row in self.rows]
        header = "\n".join(text for text in texts[: self.headers] if text)
        for at, text in enumerate(texts):
            if text:
                yield Block("table_row", text, table_header="" if at < self.headers else header)


def aligned(rows: Sequence[list[Line]]) -> Iterator[list[Line] | Table]:
    """Rows of lines in order, with a table in the place of each run of rows whose lines are in columns."""
    at = 0
    while at < len(rows):
        run = _run(rows[at:])
        if len(run) >= LEAST_ROWS:
            yield _table(run)
        else:
            run = rows[at : at + 1]
            yield run[0]
        at += len(run)


def _run(rows: Sequence[list[Line]]) -> Sequence[list[Line]]:
    """The rows, from the first on, whose lines stand in columns, the first and the last in two at least."""
    columns: list[Column] = []
    end = 0
    for at, row in enumerate(rows):
        if at and row[0].y0 - rows[at - 1][0].y1 > FAR * row[0].size:
            break
        grown = _grown(columns, row)
        if grown is None or (at == 0 and len(grown) < LEAST_COLUMNS):
            break
        columns = grown
        end = at + 1 if len(row) >= LEAST_COLUMNS else end
    return rows[:end]


def _grown(columns: list[Column], row: Sequence[Line]) -> list[Column] | None:
    """The columns with a row in them; None if it does not stand in them, or is no row of cells."""
    lengths = [len(line.text) for line in row]
    if min(lengths) > SHORT_CELL or max(lengths) > LONG_CELL:
        return None
    grown = list(columns)
    for line in row:
        met = [column for column in grown if column[0] < line.x1 and line.x0 < column[1]]
        if len(met) > 1:
            return None
        grown = [column for column in grown if column not in met]
        x0, x1 = met[0] if met else (line.x0, line.x1)
        grown.append((min(x0, line.x0), max(x1, line.x1)))
    return sorted(grown)


def _table(rows: Sequence[list[Line]]) -> Table:
    columns: list[Column] = []
    for row in rows:
        columns = _grown(columns, row) or columns
    cells: list[list[str]] = []
    for at, row in enumerate(rows):
        if not at or not _goes_on(rows, at):
            cells.append(["" for _ in columns])
        for line in row:
            column = next(place for place, (x0, x1) in enumerate(columns) if x0 < line.x1 and line.x0 < x1)
            cells[-1][column] = f"{cells[-1][column]} {line.text}".strip()
    lines = [line for row in rows for line in row]
    box = (
        min(line.x0 for line in lines),
        min(line.y0 for line in lines),
        max(line.x1 for line in lines),
        max(line.y1 for line in lines),
    )
    return Table(cells, int(all(line.bold for line in rows[0])), box)


def _goes_on(rows: Sequence[list[Line]], at: int) -> bool:
    """Whether a row of lines goes on with the cells above it: it is nearer to them than rows of cells are."""
    distances = [below[0].middle - above[0].middle for above, below in pairwise(rows)]
    nearer = NEARER * rows[at][0].size
    return min(distances) + nearer > distances[at - 1] and distances[at - 1] < max(distances) - nearer
