"""Opens documents; pure, and made to run in a process of its own: PyMuPDF may hang or crash."""

import mmap
import re
from pathlib import Path

from rag_workloads.worker import plain_text
from rag_workloads.worker.pages import Pages
from rag_workloads.worker.pdf import PdfPages

PDF_TYPE = "application/pdf"
# Readers accept a header anywhere in the first kilobyte, and so may a text that speaks of it.
PDF_MAGIC = re.compile(rb"%PDF-\d")
MAGIC_WITHIN = 1024
PDF_OBJECT = re.compile(rb"\b\d{1,10}\s{1,8}\d{1,5}\s{1,8}obj\b")
PDF_END, WHITE_SPACE = b"%%EOF", b"\0\t\n\f\r "


def open_pages(path: Path, content_type: str) -> Pages:
    """The pages of a PDF, or of a text, parted by form feeds; DocumentError if it is unreadable."""
    if _is_pdf(path, content_type):
        return PdfPages(path)
    return plain_text.read_text(path, content_type)


def _is_pdf(path: Path, content_type: str) -> bool:
    """What is sent as a PDF is one if it has the header, which may be lost, or objects.

    What is sent as something else has both; a text may quote both. A PDF that can be read as text, as it has
    no binary data, is told from it by where the quotation begins and ends, and by what it was sent as: two of
    the three must speak for a PDF.
    """
    sent_as_pdf = content_type.startswith(PDF_TYPE)
    with path.open("rb") as file:
        begin = file.read(MAGIC_WITHIN)
        header = PDF_MAGIC.search(begin)
        if not begin or (header is not None) == sent_as_pdf:
            return header is not None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if not PDF_OBJECT.search(data):
                return False
            ends = data[-MAGIC_WITHIN:].rstrip(WHITE_SPACE).endswith(PDF_END)
            signs = header is not None and header.start() == 0, ends, not content_type.startswith("text/")
            return sent_as_pdf or sum(signs) >= 2 or not plain_text.is_text(data[:], content_type)
