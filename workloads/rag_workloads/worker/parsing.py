"""Text of a document's pages; pure, and made to run in a process of its own: PyMuPDF may hang or crash."""

import mmap
import re
from pathlib import Path

from rag_workloads.worker import pdf, plain_text
from rag_workloads.worker.pages import Page

PDF_TYPE = "application/pdf"
# Readers accept a header anywhere in the first kilobyte, and so may a text that speaks of it.
PDF_MAGIC = re.compile(rb"%PDF-\d")
MAGIC_WITHIN = 1024
PDF_OBJECT = re.compile(rb"\b\d{1,10}\s{1,8}\d{1,5}\s{1,8}obj\b")


def count_pages(path: Path, content_type: str) -> int:
    """How many pages there are; form feeds part those of a plain text. DocumentError if it is unreadable."""
    if _is_pdf(path, content_type):
        return pdf.count_pages(path)
    return len(plain_text.read_text(path, content_type))


def read_pages(path: Path, content_type: str, first: int, last: int) -> list[Page]:
    """The pages `first` to `last` (from 1, both included); one that cannot be read has a warning."""
    if _is_pdf(path, content_type):
        return pdf.read_pages(path, first, last)
    return plain_text.read_text(path, content_type)[first - 1 : last]


def _is_pdf(path: Path, content_type: str) -> bool:
    """What has a PDF's header is one if it is sent as one or has a PDF's objects.

    A text may show both, but not at its start.
    """
    with path.open("rb") as file:
        header = PDF_MAGIC.search(file.read(MAGIC_WITHIN))
        if header is None or content_type.startswith(PDF_TYPE):
            return header is not None
        if header.start() > 0 and content_type.startswith("text/"):
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return PDF_OBJECT.search(data) is not None
