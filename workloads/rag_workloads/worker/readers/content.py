"""What a reader makes of a file that has no pages, and how it becomes the one page that such a file is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning
from rag_workloads.worker.pages import Block, Page, clean, hidden_text

# Cells of a row; `clean` leaves none within them.
BETWEEN_CELLS = "\t"
CHECK = "Check that the right file was sent: it has nothing but white space, images or hidden text."


@dataclass
class Content:
    """Blocks, the number of characters that no reader sees and that were left out, and what is to be said.

    `first_line` is the number of the first line that is read; blocks are added with their lines from 1.
    """

    first_line: int = 1
    blocks: list[Block] = field(default_factory=list)
    hidden: int = 0
    notes: list[PageWarning] = field(default_factory=list)

    def add(self, *blocks: Block) -> None:
        """Take in those blocks in which there is anything to see."""
        self.take(blocks)

    def take(self, blocks: Iterable[Block]) -> None:
        """The same of blocks that are made one by one."""
        for block in blocks:
            if block.text:
                line = block.line and block.line + self.first_line - 1
                self.blocks.append(replace(block, line=line) if line != block.line else block)

    def note(self, code: ErrorCode, message: str) -> None:
        """Say what was not read, or not as it is."""
        self.notes.append(PageWarning(page=1, code=code, message=message))

    def pages(self) -> list[Page]:
        """All there is as the one page that it is. DocumentError if it has no text."""
        if self.hidden:
            self.notes.append(hidden_text(1, self.hidden))
        if self.blocks:
            return [Page(tuple(self.blocks), notes=tuple(self.notes))]
        if self.notes:
            first = self.notes[0]
            raise DocumentError(
                first.code, f"The file has no text that can be read. {first.message}", hint=CHECK
            )
        raise DocumentError(ErrorCode.TEXT_EMPTY, "The file has no text.", hint=CHECK)


def row(cells: list[str]) -> str:
    """A table's row as text: its cells on one line, parted by tabs."""
    texts = [clean(cell).replace("\n", " ") for cell in cells]
    return BETWEEN_CELLS.join(texts).rstrip(BETWEEN_CELLS)


def table_blocks(rows: Iterable[list[str]], has_header: bool, lines: Iterable[int] = ()) -> Iterator[Block]:
    """A table's rows as blocks, but for empty ones; the first is the header of the others, if it is one."""
    yield from numbered_blocks(zip_longest(rows, lines), has_header)


def numbered_blocks(rows: Iterable[tuple[list[str], int | None]], has_header: bool) -> Iterator[Block]:
    """The same of rows with their lines; none is held for longer than it takes."""
    header = None
    for cells, line in rows:
        if text := row(cells):
            yield Block("table_row", text, table_header=header or "", line=line)
            header = (text if has_header else "") if header is None else header
