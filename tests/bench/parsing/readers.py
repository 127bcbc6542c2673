"""The readers of PDFs that are measured side by side: the worker's own, and one that it does without."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import edgeparse

from rag_workloads.worker.pages import Block
from rag_workloads.worker.pdf import PdfPages

Read = Callable[[Path], list[Block]]


def with_pymupdf(path: Path) -> list[Block]:
    """Returns the blocks that the worker reads."""
    pages = PdfPages(path)
    return [block for index in range(len(pages)) for block in pages[index].blocks]


def with_edgeparse(path: Path) -> list[Block]:
    """Returns the blocks that edgeparse reads, in its default settings."""
    found = json.loads(edgeparse.convert(path, format="json"))
    return [block for part in found["kids"] for block in _blocks(part)]


READERS: dict[str, Read] = {"pymupdf": with_pymupdf, "edgeparse": with_edgeparse}


def _blocks(part: dict[str, Any]) -> Iterator[Block]:
    kind = part["type"]
    if kind in ("header", "footer"):
        return
    if kind == "table":
        yield from _rows(part)
    elif kind == "heading":
        yield Block("heading", part["content"], level=part["heading level"])
    elif kind == "list item":
        yield Block("list_item", part["content"])
    elif "content" in part:
        yield Block("paragraph", part["content"])
    for inner in (*part.get("list items", ()), *(part.get("kids", ()) if kind != "table" else ())):
        yield from _blocks(inner)


def _rows(table: dict[str, Any]) -> Iterator[Block]:
    """The rows of a table; a cell that spans others is followed by empty ones."""
    width, header = table["number of columns"], ""
    for row in table["rows"]:
        cells = [""] * width
        for cell in row["cells"]:
            cells[cell["column number"] - 1] = " ".join(_texts(cell)).replace("\t", " ")
        text = "\t".join(cells)
        yield Block("table_row", text, table_header=header)
        header = header or text or " "


def _texts(part: dict[str, Any]) -> Iterator[str]:
    if "content" in part:
        yield part["content"]
    for inner in part.get("kids", ()):
        yield from _texts(inner)
