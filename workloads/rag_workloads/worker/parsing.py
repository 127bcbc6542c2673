"""Opens documents; pure, and made to run in a process of its own: what reads them may hang or crash."""

import mmap
import re
from pathlib import Path

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker.pages import Pages
from rag_workloads.worker.pdf import PdfPages
from rag_workloads.worker.readers import html, office, text, unread
from rag_workloads.worker.readers.content import Content
from rag_workloads.worker.readers.encodings import encoding_of

PDF_TYPE = "application/pdf"
# Readers accept a header anywhere in the first kilobyte, and so may a text that speaks of it.
PDF_MAGIC = re.compile(rb"%PDF-\d")
MAGIC_WITHIN = 1024
PDF_OBJECT = re.compile(rb"\b\d{1,10}\s{1,8}\d{1,5}\s{1,8}obj\b")
PDF_END, WHITE_SPACE = b"%%EOF", b"\0\t\n\f\r "
# What is sent as one of them and can be read as text is neither.
NO_TEXT_TYPES = (
    *(PDF_TYPE, "application/zip", "application/epub+zip", "application/vnd.openxmlformats"),
    *("image/", "audio/", "video/", "font/"),
)


def open_pages(path: Path, content_type: str, alone: bool = False) -> Pages:
    """The pages of a file, whose type is told by its content; DocumentError if it is unreadable.

    Those of a text are parted by form feeds; a document without pages is one page.
    A page of a PDF is read with what others tell of it, such as a running header, unless it is read `alone`.
    """
    if _is_pdf(path, content_type):
        return PdfPages(path, alone)
    if office.is_package(path):
        return office.read(path).pages()
    data = path.read_bytes()
    unread.refuse(data)
    if content_type.lower().startswith(NO_TEXT_TYPES):
        message = f"It was sent as {content_type}, and is no such file."
        raise DocumentError(ErrorCode.UNSUPPORTED_TYPE, message, hint=text.TYPE_HINT)
    if html.is_page(data):
        return _read_html(data, content_type).pages()
    return text.read(data, encoding_of(data, content_type), content_type)


def _read_html(data: bytes, content_type: str) -> Content:
    encoding, content = html.encoding_of_page(data, content_type), Content()
    if encoding.guessed:
        content.notes.append(encoding.note())
    html.read(data, encoding, content)
    return content


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
            return sent_as_pdf or sum(signs) >= 2 or not _is_text(data[:], content_type)


def _is_text(data: bytes, content_type: str) -> bool:
    return text.is_text(encoding_of(data, content_type).decode(data))
