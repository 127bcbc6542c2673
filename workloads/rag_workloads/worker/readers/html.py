"""Blocks of an HTML page: what a person sees of it, without scripts, styles and hidden parts."""

import codecs
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from lxml import etree

from rag_workloads.library.documents import ErrorCode
from rag_workloads.worker.pages import Block, Kind, clean
from rag_workloads.worker.readers.content import Content, table_blocks
from rag_workloads.worker.readers.encodings import Encoding, encoding_of
from rag_workloads.worker.readers.hidden_html import Styles
from rag_workloads.worker.wide_lines import WIDE

# What browsers show nothing of, or nothing that is text.
UNSHOWN = re.compile(
    "head|script|style|template|noscript|iframe|object|svg|audio|video|canvas|datalist|select|textarea"
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}
KINDS: dict[str, Kind] = {**dict.fromkeys(HEADINGS, "heading"), "li": "list_item", "pre": "code"}
# What begins on a line of its own.
BLOCKS = re.compile(
    "address|article|aside|blockquote|body|caption|center|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption"
    "|figure|footer|form|header|hgroup|hr|html|legend|main|menu|nav|ol|p|section|summary|table|tbody|td|tfoot"
    "|th|thead|tr|ul"
)
CELLS = frozenset(("td", "th"))
# What a table has that is there for its layout, not for data.
LAYOUT = ("table", *HEADINGS)
DECLARED = re.compile(rb"<(?:meta|\?xml)\b[^>]{0,500}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
DECLARED_WITHIN = 2048
BEGINNING = 4096
# What may stand before its first element: white space, comments, declarations.
PAGE = re.compile(
    rb"(?:\s++|<!--.*?-->|<\?xml[^>]*>|<!doctype\s++html[^>]*>)*+<(?:html|head|body)[\s>]|\s*+<!doctype\s++html",
    re.I | re.S,
)
# How libxml2 says so.
TOO_DEEP = "Excessive depth"
WHITE_SPACE = re.compile(r"\s+")
# Browsers show no blank for a line feed between characters of Chinese or Japanese.
WIDE_BREAK = re.compile(rf"(?<=[{WIDE}])[ \t]*\n\s*(?=[{WIDE}])")

# An element of lxml, which has no types.
Element = Any


class Step(NamedTuple):
    """A step of the walk over what is shown: an element begins or ends, or a text stands there."""

    what: str
    element: Element
    text: str = ""


def is_page(data: bytes) -> bool:
    """Whether a file begins as HTML does, be it in UTF-16."""
    begin = data[:BEGINNING].replace(b"\0", b"").lstrip(codecs.BOM_UTF8 + codecs.BOM_UTF16_LE)
    return PAGE.match(begin) is not None


def read(data: bytes, encoding: Encoding, content: Content) -> None:
    """Add the blocks of a page to what was read of the file."""
    # As bytes, whose encoding is known: of a text with a declaration of its own lxml takes none.
    text = encoding.decode(data).replace("\0", "").encode("utf-8", "replace")
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    root = etree.fromstring(text, parser) if text.strip() else None
    if root is not None:
        _Reader(root, content).read()
    if any(TOO_DEEP in error.message for error in parser.error_log):
        content.note(ErrorCode.FILE_CORRUPT, "Elements are nested too deeply: those within were not read.")


def encoding_of_page(data: bytes, content_type: str = "") -> Encoding:
    """As its sender says, or the page itself, or as its bytes look."""
    declared = DECLARED.search(data[:DECLARED_WITHIN])
    of_its_own = f"charset={declared[1].decode()}" if declared else ""
    return encoding_of(data, content_type if "charset" in content_type.lower() else of_its_own)


class _Reader:
    """Makes blocks of a page, in the order of its text."""

    def __init__(self, root: Element, content: Content) -> None:
        self._content, self._styles = content, Styles(root)
        self._steps = self._shown(root)
        self._texts: list[str] = []
        self._kinds: list[tuple[Kind, int]] = [("paragraph", 0)]

    def read(self) -> None:
        """Add all blocks."""
        for what, element, text in self._steps:
            if what == "text":
                self._texts.append(text if self._kinds[-1][0] == "code" else _on_one_line(text))
            elif element.tag == "br" and what == "begin":
                self._texts.append("\n")
            elif element.tag == "table" and what == "begin" and not _is_layout(element):
                self._end_block()
                self._read_table(element)
            elif element.tag in KINDS or BLOCKS.fullmatch(element.tag):
                self._end_block()
                self._turn(what, element)
        self._end_block()

    def _turn(self, what: str, element: Element) -> None:
        """Begin or end a kind of block."""
        if element.tag not in KINDS:
            return
        if what == "begin":
            self._kinds.append((KINDS[element.tag], HEADINGS.get(element.tag, 0)))
        else:
            self._kinds.pop()

    def _end_block(self) -> None:
        kind, level = self._kinds[-1]
        text = "".join(self._texts)
        self._texts.clear()
        self._content.add(Block(kind, clean(_on_one_line(text) if level else text), level))

    def _read_table(self, table: Element) -> None:
        """Read a table that has begun, to its end."""
        caption: list[str] = []
        rows: list[list[list[str]]] = []
        texts = caption
        for what, element, text in self._steps:
            if what == "text":
                texts.append(text)
            elif element is table:
                break
            elif what == "end" or element.tag not in CELLS:
                texts.append(" " if BLOCKS.fullmatch(element.tag) or element.tag == "br" else "")
            if what == "begin" and element.tag == "tr":
                rows.append([])
            elif what == "begin" and element.tag in CELLS and rows:
                rows[-1].append(texts := [])
        self._content.add(Block("paragraph", clean(_on_one_line("".join(caption)))))
        cells = [[_on_one_line("".join(cell)) for cell in row] for row in rows]
        self._content.take(table_blocks(cells, _has_header(table)))

    def _shown(self, root: Element) -> Iterator[Step]:
        """The elements and texts that are shown; counts the characters of those that are hidden."""
        walk = etree.iterwalk(root, events=("start", "end"))
        skipped = None
        for event, element in walk:
            if event == "start" and self._is_skipped(element):
                walk.skip_subtree()
                skipped = element
            elif event == "start":
                yield Step("begin", element)
                if element.text:
                    yield Step("text", element, element.text)
            elif element is not skipped:
                yield Step("end", element)
            if event == "end" and element.tail:
                yield Step("text", element, element.tail)

    def _is_skipped(self, element: Element) -> bool:
        if UNSHOWN.fullmatch(element.tag):
            return True
        hidden = self._styles.hide(element)
        if hidden:
            self._content.hidden += sum(len("".join(text.split())) for text in element.itertext())
        return hidden


def _on_one_line(text: str) -> str:
    return WHITE_SPACE.sub(" ", WIDE_BREAK.sub("", text))


def _is_layout(table: Element) -> bool:
    inner = table.iter(*LAYOUT)
    next(inner)
    return next(inner, None) is not None


def _has_header(table: Element) -> bool:
    first = next(table.iter("tr"), None)
    if first is None:
        return False
    return first.getparent().tag == "thead" or all(cell.tag == "th" for cell in first)
