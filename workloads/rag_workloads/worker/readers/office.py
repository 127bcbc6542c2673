"""Tells office files and books by their parts: what can be read, and why the others cannot."""

from pathlib import Path
from typing import NoReturn

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker.readers import docx, epub
from rag_workloads.worker.readers.archive import Archive, encrypted
from rag_workloads.worker.readers.content import Content
from rag_workloads.worker.readers.text import TYPE_HINT

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
EMPTY_ZIP = b"PK\x05\x06"
# What an OLE container with an encrypted document has, in the directory of its streams.
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
# By a part that tells them: what they are, and what they may be saved as.
OTHERS = {
    "xl/workbook.xml": ("an Excel workbook", "Save its sheets as CSV, or as PDF, and upload those."),
    "xl/workbook.bin": ("an Excel workbook", "Save its sheets as CSV, or as PDF, and upload those."),
    "ppt/presentation.xml": ("a PowerPoint presentation", "Save it as PDF and upload that."),
    "content.xml": ("an OpenDocument file", "Save it as DOCX or PDF and upload that."),
}


def is_package(path: Path) -> bool:
    """Whether a file is an office document, a book, or another container of parts."""
    with path.open("rb") as file:
        return file.read(len(OLE)).startswith((ZIP, EMPTY_ZIP, OLE))


def read(path: Path) -> Content:
    """What a container shows. DocumentError if it is of no type that is read, or cannot be read."""
    with path.open("rb") as file:
        if file.read(len(OLE)) == OLE:
            _refuse_ole(path.read_bytes())
    archive = Archive(path)
    if epub.CONTAINER in archive.names:
        return epub.read(archive)
    if docx.is_document(archive):
        return docx.read(archive)
    for part, (kind, hint) in OTHERS.items():
        if part in archive.names:
            raise DocumentError(ErrorCode.UNSUPPORTED_TYPE, f"This is {kind}.", hint=hint)
    hint = f"Upload the files that are in it. {TYPE_HINT}"
    raise DocumentError(ErrorCode.UNSUPPORTED_TYPE, "This is a ZIP file, not a document.", hint=hint)


def _refuse_ole(data: bytes) -> NoReturn:
    """Say of a file in the container of older Office releases why it is not read."""
    if ENCRYPTED_PACKAGE in data:
        raise encrypted("The Office document needs a password.")
    hint = "Open it, save it as DOCX or PDF, and upload that."
    raise DocumentError(ErrorCode.UNSUPPORTED_TYPE, "This is a file of an old Office format.", hint=hint)
