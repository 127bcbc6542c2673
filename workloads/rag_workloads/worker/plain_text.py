"""Text files as pages; form feeds part them. What is damaged is replaced, and the page says where."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning
from rag_workloads.worker.pages import Page, clean, paragraphs

# What clients declare that know no better, such as curl for a Markdown file.
UNKNOWN_TYPE = "application/octet-stream"
TYPE_HINT = "Upload a PDF, or text in UTF-8."
ENCODING_HINT = "Declare another encoding in the file's Content-Type, as in text/plain; charset=iso-8859-1."
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins as that of UTF-16 does, and so comes before it
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
CHARSET = re.compile(r";\s*charset=\"?([\w.:-]+)", re.IGNORECASE)
# How `surrogateescape` writes a byte that it cannot decode, and `replace` a character.
DAMAGED = re.compile("[\udc80-\udcff\ufffd]")
NO_TEXT = re.compile("[\udc80-\udcff\ufffd\0-\x08\x0e-\x1a\x7f]")
# A text with more than this share of damage is none.
DAMAGE_LIMIT = 0.1
# The data of an image or a file within a text.
DATA_URI = re.compile(r"\bdata:[\w.+-]{1,60}/[\w.+-]{1,60}[;,][^\s\"'()<>]{64,}+")
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{60,}+\n?)++(?:[A-Za-z0-9+/]{2,}+={1,2})?")
BASE64_LENGTH = 200
KINDS_OF_LETTERS = [re.compile(kind) for kind in ("[A-Z]", "[a-z]", "[0-9]")]


def read_text(path: Path, content_type: str) -> list[Page]:
    """All pages. DocumentError if it is of another type, no text, or empty."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != UNKNOWN_TYPE and not media_type.startswith("text/"):
        message = f"This is no PDF, but was sent as {content_type}."
        raise DocumentError(ErrorCode.UNSUPPORTED_TYPE, message, hint=TYPE_HINT)
    data = path.read_bytes()
    encoding = _encoding(data, content_type)
    text = _decode(data, encoding)
    if not _is_text(text):
        message = f"This is neither a PDF nor text: {_damage(text)} of {len(text)} characters cannot be read."
        hint = f"{TYPE_HINT} {encoding.advice}".strip()
        raise DocumentError(ErrorCode.UNSUPPORTED_TYPE, message, hint=hint)
    pages = list(_pages(text, encoding))
    if not any(page.blocks for page in pages):
        hint = "Check that the right file was sent: it is empty, or has nothing but white space or images."
        raise DocumentError(ErrorCode.TEXT_EMPTY, "The text is empty.", hint=hint)
    return pages


def is_text(data: bytes, content_type: str) -> bool:
    """Whether nearly all of it can be read as text."""
    return _is_text(_decode(data, _encoding(data, content_type)))


def _is_text(text: str) -> bool:
    return _damage(text) <= max(1, DAMAGE_LIMIT * len(text))


def _damage(text: str) -> int:
    """How many characters are none."""
    return len(text) - len(NO_TEXT.sub("", text))


class Encoding(NamedTuple):
    """What a text is decoded by, and what to say where it cannot be."""

    name: str
    advice: str = ""


def _encoding(data: bytes, content_type: str) -> Encoding:
    """As the byte order mark says, or the declaration, or else UTF-8."""
    for mark, name in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return Encoding(name)
    declared = CHARSET.search(content_type)
    if declared is None:
        return Encoding("utf-8", ENCODING_HINT)
    try:
        # Python knows encodings that are no charsets: of data, of the names of domains, of its own strings.
        data.decode(declared[1], "replace").encode()
        name = codecs.lookup(declared[1]).name
    except (LookupError, UnicodeError):
        return Encoding("utf-8", f"The charset {declared[1]} is unknown.")
    return Encoding(name)


def _decode(data: bytes, encoding: Encoding) -> str:
    return data.decode(encoding.name, "surrogateescape" if encoding.name.startswith("utf-8") else "replace")


def _pages(text: str, encoding: Encoding) -> Iterator[Page]:
    """The pages with what is no text taken out, and where they are damaged."""
    start, line = 0, 1
    for number, page in enumerate(text.split("\f"), 1):
        warning = _warning(text, number, range(start, start + len(page)), line, encoding)
        yield Page(paragraphs(clean(without_data(page.replace("\r\n", "\n")))), warning)
        start += len(page) + 1
        line += page.count("\n")


def _warning(text: str, number: int, where: range, line: int, encoding: Encoding) -> PageWarning | None:
    first = DAMAGED.search(text, where.start, where.stop)
    if first is None:
        return None
    count = sum(1 for _ in DAMAGED.finditer(text, where.start, where.stop))
    line += text.count("\n", where.start, first.start())
    offset = len(text[: first.start()].encode("utf-8", "surrogateescape"))
    kind = "UTF-8" if encoding.name.startswith("utf-8") else encoding.name
    damage = f"{count} bytes are no {kind} and were replaced, the first in line {line}, at offset {offset}."
    message = f"{damage} {encoding.advice}".strip()
    return PageWarning(page=number, code=ErrorCode.TEXT_DAMAGED, message=message)


def without_data(text: str) -> str:
    """The text without images and files that are written in it."""
    return BASE64.sub(_unless_digits, DATA_URI.sub("", text))


def _unless_digits(match: re.Match[str]) -> str:
    """Nothing in place of base64; what only looks alike, such as digits, stays."""
    text = match[0]
    is_data = len(text) >= BASE64_LENGTH and all(kind.search(text) for kind in KINDS_OF_LETTERS)
    return "" if is_data else text
