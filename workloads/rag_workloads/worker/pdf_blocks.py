"""A PDF's page as blocks, out of its lines; pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rag_workloads.worker.pages import Block, clean
from rag_workloads.worker.pdf_headings import Types
from rag_workloads.worker.pdf_lines import MARKER, Line, rows, whole
from rag_workloads.worker.pdf_order import columns
from rag_workloads.worker.pdf_tables import Table, aligned

LEADERS = re.compile(r"(?: ?\.){4,}")
LEADERS_AT_THE_END = re.compile(rf"{LEADERS.pattern}\s*$", re.MULTILINE)
LEADERS_TO_A_PAGE = re.compile(rf"{LEADERS.pattern}(?=\s*\d)")
# In a table of contents or an index: the text itself is better found where it points to.
ENTRY = re.compile(rf"{LEADERS.pattern}\s*(?:[A-Z]?\d[\d, –.-]*|[ivxlc]+)$")
# In sizes of the type: how far the lines of a paragraph are apart at most, and how much their sizes differ.
LEADING, SAME_SIZE = 1.1, 0.12
# How far apart those of an item of a list are, which is set in by less than the rest of it.
HANGING = 0.5
# A line in bold that is shorter than this share of the next one is a heading of its own.
SHORT = 0.85


def page_blocks(lines: Sequence[Line], tables: Sequence[Table], types: Types, page: int) -> Iterator[Block]:
    """The blocks of a page in the order in which they are read, but for the entries of contents."""
    for block in _all_blocks(lines, tables, types, page):
        if not _is_contents(block.text):
            text = LEADERS_TO_A_PAGE.sub(" …", LEADERS_AT_THE_END.sub("", block.text))
            if text:
                yield replace(block, text=text)


def _is_contents(text: str) -> bool:
    lines = text.split("\n")
    return 2 * sum(ENTRY.search(line) is not None for line in lines) >= len(lines)


def _all_blocks(lines: Sequence[Line], tables: Sequence[Table], types: Types, page: int) -> Iterator[Block]:
    free = [line for line in lines if not line.turned and not any(table.holds(line) for table in tables)]
    stand_ins = [Line("", *table.box, size=0, group=-at) for at, table in enumerate(tables, 1)]
    for flow in columns([*free, *stand_ins]):
        in_order = sorted(flow, key=lambda line: line.y0)
        for is_table, part in groupby(in_order, key=lambda line: line.group < 0):
            if is_table:
                for stand_in in part:
                    yield from tables[-stand_in.group - 1].blocks()
            else:
                yield from _flow_blocks(list(part), types, page)
    for paragraph in _paragraphs([line for line in lines if line.turned]):
        yield from _block(paragraph, 0)


def _flow_blocks(lines: list[Line], types: Types, page: int) -> Iterator[Block]:
    """The blocks of lines that stand below each other."""
    held: list[Line] = []
    for part in aligned(rows(lines)):
        if isinstance(part, Table):
            for paragraph in _paragraphs(held):
                yield from _block(paragraph, types.level(paragraph, page))
            held = []
            yield from part.blocks()
        else:
            held.append(whole(part))
    for paragraph in _paragraphs(held):
        yield from _block(paragraph, types.level(paragraph, page))


def _paragraphs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    paragraph: list[Line] = []
    for line in lines:
        if paragraph and _begins(line, paragraph):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _begins(line: Line, paragraph: Sequence[Line]) -> bool:
    """Whether a line begins a paragraph, below another one."""
    above = paragraph[-1]
    size, gap = max(line.size, above.size), line.y0 - above.y1
    parted = line.group != above.group and not (_hangs(line, paragraph[0]) and gap < HANGING * size)
    apart = parted or gap > LEADING * size
    other = abs(line.size - above.size) > SAME_SIZE * size or line.mono != above.mono
    headed = above.bold and not line.bold and above.x1 - above.x0 < SHORT * (line.x1 - line.x0)
    return apart or other or headed or MARKER.match(line.text.lstrip()) is not None


def _hangs(line: Line, item: Line) -> bool:
    """Whether a line is further in than the marker of an item above it, and so goes on with it."""
    return MARKER.match(item.text.lstrip()) is not None and line.x0 > item.x0


def _block(lines: Sequence[Line], level: int) -> Iterator[Block]:
    """A paragraph as a block, if anything can be seen of it."""
    text = clean("\n".join(line.text.strip() for line in lines))
    if not text:
        return
    if level:
        yield Block("heading", text, level=level)
    elif all(line.mono for line in lines):
        yield Block("code", text)
    else:
        yield Block("list_item" if MARKER.match(text) else "paragraph", text)
