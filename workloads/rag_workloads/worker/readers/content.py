"""What a reader makes of a file that has no pages, and how it becomes the one page that such a file is."""

from collections.abc import Sequence
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


def table_blocks(table: list[list[str]], has_header: bool, lines: Sequence[int] = ()) -> list[Block]:
    """A table's rows as blocks, but for empty ones; the first is the header of the others, if it is one."""
    texts = [(row(cells), line) for cells, line in zip_longest(table, lines)]
    shown = [(text, line) for text, line in texts if text]
    header = shown[0][0] if has_header and len(shown) > 1 else ""
    return [
        Block("table_row", text, table_header=header if number else "", line=line)
        for number, (text, line) in enumerate(shown)
    ]
