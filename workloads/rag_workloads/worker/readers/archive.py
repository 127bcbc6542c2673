"""The parts of a ZIP file, such as a DOCX or EPUB is, each no larger than memory has room for."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

from lxml import etree

from rag_workloads.library.documents import DocumentError, ErrorCode

ENCRYPTED = 0x1
# What a part may be once it is unpacked, and all parts together: text compresses to a tenth, seldom to less
# than a hundredth.
MOST_BYTES, MOST_BYTES_IN_ALL = 128 << 20, 512 << 20
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, etree.XMLSyntaxError)


class Unreadable(Exception):
    """A part cannot be read; says why."""


class Archive:
    """A ZIP file whose parts are read one by one."""

    def __init__(self, path: Path) -> None:
        """DocumentError if it cannot be opened."""
        try:
            self._zip = zipfile.ZipFile(path)
        except BROKEN as error:
            hint = "Upload the original file again; if it opens elsewhere, save it anew and upload that."
            message = "The file is damaged: it is a ZIP file whose list of parts is broken or lost."
            raise DocumentError(ErrorCode.FILE_CORRUPT, message, hint=hint) from error
        self.names = frozenset(self._zip.namelist())
        self._left = MOST_BYTES_IN_ALL

    def read(self, name: str) -> bytes:
        """A part's bytes. Unreadable; DocumentError if it is encrypted or too large."""
        try:
            info = self._zip.getinfo(name)
            if info.flag_bits & ENCRYPTED:
                raise encrypted()
            most = min(MOST_BYTES, self._left)
            with self._zip.open(info) as part:
                data = part.read(most + 1)
        except KeyError as error:
            raise Unreadable(f"{name} is missing") from error
        except BROKEN as error:
            raise Unreadable(f"{name} is damaged") from error
        if len(data) > most:
            raise _too_large()
        self._left -= len(data)
        return data

    def xml(self, name: str) -> Any:
        """The root element of a part that is XML. Unreadable."""
        try:
            return etree.fromstring(self.read(name), safe_parser())
        except etree.XMLSyntaxError as error:
            raise Unreadable(f"{name} is damaged") from error


def safe_parser(*, recover: bool = False) -> Any:
    """A parser that expands no entity, and asks neither files nor the network."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, recover=recover
    )


def encrypted(message: str = "The file needs a password.") -> DocumentError:
    """A file that nobody can read without its password."""
    hint = "Remove the password and upload the file again."
    return DocumentError(ErrorCode.FILE_ENCRYPTED, message, hint=hint)


def _too_large() -> DocumentError:
    message = (
        f"The file unpacks to more than {MOST_BYTES >> 20} MiB a part, or {MOST_BYTES_IN_ALL >> 20} in all."
    )
    hint = "Split the document, or leave out what is not text."
    return DocumentError(ErrorCode.FILE_TOO_LARGE, message, hint=hint)
