"""Blocks of a table in a text, such as CSV: its rows, with their lines."""

import csv
from collections.abc import Iterator
from itertools import islice

from rag_workloads.worker.readers.content import Content, numbered_blocks

DELIMITERS = ",;\t|"
SIGNS_WITHIN, ROWS_LOOKED_AT = 1 << 16, 50
# In as few rows, or cells, lines of prose may have as many commas by chance.
LEAST_ROWS, LEAST_CELLS = 3, 8
# A cell is no longer than a file.
csv.field_size_limit(1 << 30)


def delimiter_of(text: str, declared: bool) -> str | None:
    """What parts the cells of a table: the first rows have equally many; None if the text is none.

    One that is declared to be a table may have rows that lack their last cells.
    """
    begin = text[:SIGNS_WITHIN]
    begin = begin if len(text) <= SIGNS_WITHIN else begin[: begin.rfind("\n") + 1]
    columns = {each: _columns(begin, each, declared) for each in DELIMITERS}
    best = max(columns, key=lambda each: columns[each])
    return best if columns[best] else None


def _columns(begin: str, delimiter: str, declared: bool) -> int:
    """How many columns a table has whose cells are parted so; 0 if it is none."""
    try:
        widths = [len(row) for row, _ in islice(_rows(begin, delimiter), ROWS_LOOKED_AT)]
    except csv.Error:
        return 0
    width = widths[0] if widths else 0
    enough = declared or (len(widths) >= LEAST_ROWS and len(widths) * width >= LEAST_CELLS)
    least = 2 if declared else width
    return width if width > 1 and enough and all(least <= each <= width for each in widths) else 0


def read(text: str, delimiter: str, content: Content) -> None:
    """Add the rows of a table; the first one is the header if it has neither numbers nor gaps."""
    first = next(_rows(text, delimiter))[0]
    has_header = all(cell.strip() and not _is_number(cell) for cell in first)
    content.take(numbered_blocks(_rows(text, delimiter), has_header))


def _rows(text: str, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """The rows that are not empty, each with its first line."""
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    line = 1
    for row in reader:
        if any(row):
            yield row, line
        line = reader.line_num + 1


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ".").strip(" %$€£¥"))
    except ValueError:
        return False
    return True
