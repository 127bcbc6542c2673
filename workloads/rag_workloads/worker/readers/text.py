"""A text file as pages; form feeds part them. What is damaged is replaced, and the page says where."""

import re
from collections.abc import Iterator

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning
from rag_workloads.worker.pages import Block, Page, clean
from rag_workloads.worker.readers import markdown, tables
from rag_workloads.worker.readers.content import Content
from rag_workloads.worker.readers.encodings import INVALID, Encoding

TYPE_HINT = "Upload a PDF, Word (DOCX), EPUB, HTML, Markdown, CSV or text file."
# How `replace` writes a character that it cannot decode.
REPLACED = re.compile("\ufffd")
NO_TEXT = re.compile("[\udc80-\udcff\ufffd\0-\x08\x0e-\x1a\x7f]")
# A text with more than this share of damage is none.
DAMAGE_LIMIT = 0.1
# Each page is noted before it is read, which takes longer than to read a short one; form feeds that are more
# part no pages.
MOST_PAGES = 10_000
# The data of an image or a file within a text.
DATA_URI = re.compile(r"\bdata:[\w.+-]{1,60}/[\w.+-]{1,60}[;,][^\s\"'()<>]{64,}+")
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{60,}+\n?)++(?:[A-Za-z0-9+/]{2,}+={1,2})?")
BASE64_LENGTH = 200
KINDS_OF_LETTERS = [re.compile(kind) for kind in ("[A-Z]", "[a-z]", "[0-9]")]


def read(data: bytes, encoding: Encoding, content_type: str) -> list[Page]:
    """All pages. DocumentError if it is no text, or empty."""
    text = encoding.decode(data)
    if not is_text(text):
        message = (
            f"This is of no known type: {_damage(text)} of {len(text)} characters cannot be read as text."
        )
        hint = f"{TYPE_HINT} {encoding.advice}".strip()
        raise DocumentError(ErrorCode.UNSUPPORTED_TYPE, message, hint=hint)
    pages = list(_pages(text.replace("\r\n", "\n").replace("\r", "\n"), encoding, content_type))
    if not any(page.blocks for page in pages):
        hint = "Check that the right file was sent: it is empty, or has nothing but white space or images."
        raise DocumentError(ErrorCode.TEXT_EMPTY, "The text is empty.", hint=hint)
    return pages


def is_text(text: str) -> bool:
    """Whether nearly all of it can be read as text."""
    return _damage(text) <= max(1, DAMAGE_LIMIT * len(text))


def _damage(text: str) -> int:
    """How many characters are none."""
    return len(text) - len(NO_TEXT.sub("", text))


def _pages(text: str, encoding: Encoding, content_type: str) -> Iterator[Page]:
    """The pages with what is no text taken out, and where they are damaged."""
    start, line = 0, 1
    if text.count("\f") >= MOST_PAGES:
        text = text.replace("\f", " ")
    for number, page in enumerate(text.split("\f"), 1):
        warning = _warning(text, number, range(start, start + len(page)), line, encoding)
        notes = (encoding.note(),) if encoding.guessed and number == 1 else ()
        yield Page(tuple(_blocks(without_data(page), line, content_type)), warning, notes)
        start += len(page) + 1
        line += page.count("\n")


def _blocks(text: str, line: int, content_type: str) -> list[Block]:
    """What a page is made of: a table, Markdown, or paragraphs. Its first line has a number."""
    content = Content(first_line=line)
    if markdown.is_markdown(text, content_type.startswith("text/markdown")):
        markdown.read(text, content)
    elif delimiter := tables.delimiter_of(text, content_type.startswith("text/csv")):
        tables.read(text, delimiter, content)
    else:
        _read_paragraphs(text, content)
    return content.blocks


def _read_paragraphs(text: str, content: Content) -> None:
    paragraph: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if clean(line):
            paragraph.append(line)
        elif paragraph:
            content.add(Block("paragraph", clean("\n".join(paragraph)), line=number - len(paragraph)))
            paragraph = []


def _warning(text: str, number: int, where: range, line: int, encoding: Encoding) -> PageWarning | None:
    is_utf8 = encoding.name.startswith("utf-8")
    damaged = INVALID if is_utf8 else REPLACED  # UTF-8 may have a sign for a replacement as any other
    first = damaged.search(text, where.start, where.stop)
    if first is None:
        return None
    count = sum(1 for _ in damaged.finditer(text, where.start, where.stop))
    line += text.count("\n", where.start, first.start())
    offset = len(text[: first.start()].encode("utf-8", "surrogateescape"))
    kind = "UTF-8" if is_utf8 else encoding.name
    damage = f"{count} bytes are no {kind} and were replaced, the first in line {line}, at offset {offset}."
    message = f"{damage} {encoding.advice}".strip()
    return PageWarning(page=number, code=ErrorCode.TEXT_DAMAGED, message=message)


def without_data(text: str) -> str:
    """The text without images and files that are written in it; its lines keep their numbers."""
    return BASE64.sub(_unless_digits, DATA_URI.sub("", text))


def _unless_digits(match: re.Match[str]) -> str:
    """Nothing in place of base64 but its line feeds; what only looks alike, such as digits, stays."""
    text = match[0]
    is_data = len(text) >= BASE64_LENGTH and all(kind.search(text) for kind in KINDS_OF_LETTERS)
    return "\n" * text.count("\n") if is_data else text
