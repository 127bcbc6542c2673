"""What is printed: sentences and tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from rag_cli.answers import Citation, Document

# Of a table that is piped: nothing of it is cut. Of one on a terminal: where that is narrower, lines wrap.
WIDE, NARROW = 1000, 100


def as_json(body: Any) -> None:
    """Print a document of JSON."""
    print(json.dumps(body, indent=2, ensure_ascii=sys.stdout.encoding.lower() != "utf-8"))


def sentences(lines: Iterable[str]) -> None:
    """Print lines as they are, whatever the width of the terminal."""
    console = Console(highlight=False)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True, style="bold red" if "✗" in line else None)


def documents(found: Sequence[Document]) -> None:
    """Print a table of documents; piped, it is as wide as it needs to be."""
    named = Column("ID", no_wrap=True), Column("FILE", overflow="fold")
    table = Table(*named, "STATE", "PAGES", "CHUNKS", "ERROR", box=None, pad_edge=False)
    for each in found:
        state = each.state if each.state != "processing" else f"{each.stage} {each.progress} %"
        pages = f"{each.pages_done}/{each.pages}" if each.pages is not None else ""
        chunks = f"{each.chunks_done}/{each.chunks}" if each.chunks is not None else ""
        error = each.error.code if each.error else ""
        table.add_row(each.document_id, each.file_name, state, pages, chunks, error)
    terminal = Console(highlight=False)
    width = max(terminal.width, NARROW) if terminal.is_terminal else WIDE
    Console(highlight=False, markup=False, emoji=False, width=width).print(table)


def citations(found: Sequence[Citation]) -> None:
    """Print where an answer stands, numbered as its marks: file, place, and the quoted sentence."""
    sentences(
        f"  [{number}] {each.file_name}, {each.place}: “{each.quote}”"
        for number, each in enumerate(found, start=1)
    )
