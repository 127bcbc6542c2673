"""Text of a document's pages; pure, and made to run in a process of its own: PyMuPDF may hang or crash.

MuPDF repairs what it can and reports the rest only as warnings, so a page is taken for broken when it shows
nothing, neither text nor an image (a scan is no broken page), and MuPDF complained while reading it.
"""

import re
from functools import lru_cache
from pathlib import Path

import pymupdf

from rag_workloads.library.documents import DocumentError, ErrorCode

# What clients declare that know no better.
UNKNOWN_TYPE = "application/octet-stream"
TYPE_HINT = "Upload a PDF, or text in UTF-8."
PDF_MAGIC = b"%PDF-"
# Readers accept a header anywhere in the first kilobyte.
MAGIC_WITHIN = 1024
# Ligatures are split into letters, and a word broken at a line's end is joined, so that searches find them.
FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP | pymupdf.TEXT_DEHYPHENATE
# Of a table of contents, they would be most of the tokens.
LEADERS = re.compile(r"(?: ?\.){4,}")

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)


def count_pages(path: Path, content_type: str) -> int:
    """How many pages there are; form feeds part those of a plain text. DocumentError if it is unreadable."""
    if not _is_pdf(path):
        return len(_text_pages(path, content_type))
    with _open_pdf(path) as pdf:
        return int(pdf.page_count)


def read_pages(path: Path, content_type: str, first: int, last: int) -> list[str]:
    """Texts of the pages `first` to `last` (from 1, both included). DocumentError names a broken page."""
    if not _is_pdf(path):
        return _text_pages(path, content_type)[first - 1 : last]
    with _open_pdf(path) as pdf:
        return [_read_page(pdf, number) for number in range(first, last + 1)]


def _is_pdf(path: Path) -> bool:
    with path.open("rb") as file:
        return PDF_MAGIC in file.read(MAGIC_WITHIN)


@lru_cache(maxsize=1)  # a document is read in many calls
def _text_pages(path: Path, content_type: str) -> list[str]:
    """Text is what reads as text: clients such as curl do not know the type of a Markdown file."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != UNKNOWN_TYPE and not media_type.startswith("text/"):
        raise DocumentError(
            ErrorCode.UNSUPPORTED_TYPE, f"This is no PDF, but {content_type}.", hint=TYPE_HINT
        )
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_text(media_type) from error
    if "\0" in text:
        raise _no_text(media_type)
    return text.split("\f")


def _no_text(media_type: str) -> DocumentError:
    if media_type == UNKNOWN_TYPE:
        return DocumentError(
            ErrorCode.UNSUPPORTED_TYPE, "This is neither a PDF nor UTF-8 text.", hint=TYPE_HINT
        )
    hint = "Save the text as UTF-8 and upload it again."
    return DocumentError(ErrorCode.UNSUPPORTED_TYPE, "The text is not UTF-8.", hint=hint)


def _open_pdf(path: Path) -> pymupdf.Document:
    try:
        pdf = pymupdf.open(path, filetype="pdf")
    except pymupdf.FileDataError as error:
        hint = "Open the file in a PDF reader; if it opens, print it to a new PDF and upload that."
        raise DocumentError(ErrorCode.PDF_CORRUPT, "The PDF cannot be opened.", hint=hint) from error
    if pdf.needs_pass:
        hint = "Remove the password and upload the file again."
        raise DocumentError(ErrorCode.PDF_ENCRYPTED, "The PDF needs a password.", hint=hint)
    if pdf.page_count == 0:
        hint = "Upload the original file again."
        raise DocumentError(ErrorCode.PDF_CORRUPT, "The PDF has no pages.", hint=hint)
    return pdf


def _read_page(pdf: pymupdf.Document, number: int) -> str:
    pymupdf.TOOLS.reset_mupdf_warnings()
    try:
        page = pdf[number - 1]
        text = LEADERS.sub(" …", page.get_text("text", flags=FLAGS))
        complaint = "" if text.strip() or page.get_images() else pymupdf.TOOLS.mupdf_warnings()
    except (RuntimeError, ValueError) as error:
        text, complaint = "", str(error)
    if complaint:
        message = f"Page {number} cannot be read: {complaint.splitlines()[0]}."
        hint = f"Repair or remove page {number}, or print the file to a new PDF, and upload it again."
        raise DocumentError(ErrorCode.PDF_CORRUPT, message, number, hint)
    return text
