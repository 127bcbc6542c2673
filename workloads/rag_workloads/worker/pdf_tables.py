"""Tables, and those whose cells have no borders: short lines that stand in columns; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_workloads.worker.pages import Block, clean
from rag_workloads.worker.pdf_lines import Line

# Points.
NEAR = 3.0
# Without borders, so many rows in turn make a table, of short cells that begin at the same places.
LEAST_ROWS, LEAST_COLUMNS, CELL_CHARACTERS = 3, 2, 60
HEADER_ROWS = 3


Box = tuple[float, float, float, float]


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
    """Rows of lines in order, with a table in the place of each run of rows whose cells are in columns."""
    at = 0
    while at < len(rows):
        end = _end_of_table(rows, at)
        if end - at >= LEAST_ROWS:
            yield _aligned_table(rows[at:end])
            at = end
        else:
            yield rows[at]
            at += 1


def _end_of_table(rows: Sequence[list[Line]], start: int) -> int:
    """Where the rows end that have the columns of the row at `start`."""
    first = rows[start]
    end = start
    while (
        end < len(rows) and _fits(rows[end], first) and (end == start or _follows(rows[end], rows[end - 1]))
    ):
        end += 1
    return end


def _fits(row: list[Line], first: list[Line]) -> bool:
    """Whether the cells of a row stand in the columns of another one."""
    if (
        len(row) < LEAST_COLUMNS
        or len(row) > len(first)
        or any(len(line.text) > CELL_CHARACTERS for line in row)
    ):
        return False
    return all(any(_same_column(line, cell) for cell in first) for line in row)


def _same_column(a: Line, b: Line) -> bool:
    ends = abs(a.x0 - b.x0), abs(a.x1 - b.x1), abs(a.x0 + a.x1 - b.x0 - b.x1) / 2
    return min(ends) <= NEAR


def _follows(row: list[Line], above: list[Line]) -> bool:
    return row[0].y0 - above[0].y1 < 1.5 * (above[0].y1 - above[0].y0)


def _aligned_table(rows: Sequence[list[Line]]) -> Table:
    columns = rows[0]
    cells = [["" for _ in columns] for _ in rows]
    for row, texts in zip(rows, cells, strict=True):
        for line in row:
            at = next(at for at, column in enumerate(columns) if _same_column(line, column))
            texts[at] = f"{texts[at]} {line.text}".strip()
    lines = [line for row in rows for line in row]
    box = (
        min(line.x0 for line in lines),
        min(line.y0 for line in lines),
        max(line.x1 for line in lines),
        max(line.y1 for line in lines),
    )
    return Table(cells, int(all(line.bold for line in columns)), box)
