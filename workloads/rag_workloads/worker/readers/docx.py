"""Blocks of a Word document: paragraphs, lists, tables and notes, without what Word does not show."""

import posixpath
from collections.abc import Iterator
from typing import Any

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker.pages import Block, Kind, clean
from rag_workloads.worker.readers.archive import Archive, Unreadable
from rag_workloads.worker.readers.content import Content, table_blocks
from rag_workloads.worker.readers.docx_styles import Style, Styles, name_of

MAIN = "word/document.xml"
OFFICE_DOCUMENT = "/officeDocument"
NOTES = ("footnotes", "endnotes")
# Text that was deleted while changes were tracked, the codes of fields, and the second of two ways to draw.
UNSHOWN = frozenset(("del", "moveFrom", "instrText", "delText", "Fallback", "pPr", "rPr", "sdtPr", "tblPr"))
MARKS = {"tab": " ", "ptab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011", "softHyphen": "\u00ad"}

Element = Any


def is_document(archive: Archive) -> bool:
    """Whether the parts are those of a Word document."""
    return main_part(archive) in archive.names


def read(archive: Archive) -> Content:
    """All that a document shows. DocumentError if its main part cannot be read."""
    main, content = main_part(archive), Content()
    reader = _Reader(_styles(archive, main, content), content)
    try:
        reader.read(archive.xml(main))
    except Unreadable as error:
        hint = "Open it in a word processor, save it anew, and upload that."
        raise DocumentError(
            ErrorCode.FILE_CORRUPT, f"The document is damaged: {error}.", hint=hint
        ) from error
    for notes in NOTES:
        part = posixpath.join(posixpath.dirname(main), f"{notes}.xml")
        if part in archive.names:
            _read_part(archive, part, reader, content)
    return content


def main_part(archive: Archive) -> str:
    """The part with the text: the one that the package names, if it is Word's."""
    try:
        relations = archive.xml("_rels/.rels")
    except Unreadable:
        return MAIN
    targets = [each.get("Target", "") for each in relations if each.get("Type", "").endswith(OFFICE_DOCUMENT)]
    return next((each.lstrip("/") for each in targets if "word/" in each), MAIN)


def _styles(archive: Archive, main: str, content: Content) -> Styles:
    try:
        return Styles(archive.xml(posixpath.join(posixpath.dirname(main), "styles.xml")))
    except Unreadable as error:
        content.note(ErrorCode.FILE_CORRUPT, f"{error}: headings may be missing.")
        return Styles(None)


def _read_part(archive: Archive, part: str, reader: "_Reader", content: Content) -> None:
    try:
        reader.read(archive.xml(part))
    except Unreadable as error:
        content.note(ErrorCode.FILE_CORRUPT, f"{error}: what stands there was not read.")


class _Reader:
    """Makes blocks of a part's paragraphs and tables."""

    def __init__(self, styles: Styles, content: Content) -> None:
        self._styles, self._content = styles, content

    def read(self, element: Element) -> None:
        """Add the blocks of all paragraphs and tables within an element, in order."""
        for each in element:
            match name_of(each):
                case "p":
                    self._read_paragraph(each)
                case "tbl":
                    self._read_table(each)
                case name if name not in UNSHOWN:
                    self.read(each)

    def _read_paragraph(self, paragraph: Element) -> None:
        style = self._styles.of_paragraph(paragraph)
        if style.entry:
            return
        text = clean(self._text(paragraph, style))
        kind: Kind = "paragraph"
        if style.level:
            kind, text = "heading", text.replace("\n", " ")
        elif style.listed:
            kind = "list_item"
        elif style.code:
            kind = "code"
        self._content.add(Block(kind, text, style.level))

    def _read_table(self, table: Element) -> None:
        rows = [[self._cell(cell) for cell in _within(row, "tc")] for row in _within(table, "tr")]
        self._content.take(table_blocks(rows, self._styles.has_header(table)))

    def _cell(self, cell: Element) -> str:
        """The text of a cell, with that of tables in it."""
        return "\n".join(self._text(each, self._styles.of_paragraph(each)) for each in _paragraphs(cell))

    def _text(self, element: Element, style: Style) -> str:
        return "".join(self._texts(element, style))

    def _texts(self, element: Element, style: Style) -> Iterator[str]:
        """The texts of all runs within an element that are shown; counts the characters of the others."""
        for each in element:
            name = name_of(each)
            if name == "t":
                yield each.text or ""
            elif name in MARKS:
                yield MARKS[name]
            elif name == "r" and self._styles.hide(each, style):
                self._content.hidden += sum(len("".join(text.split())) for text in each.itertext())
            elif name == "p":  # of a text box
                yield f"\n{self._text(each, self._styles.of_paragraph(each))}\n"
            elif name not in UNSHOWN:
                yield from self._texts(each, style)


def _within(element: Element, name: str) -> Iterator[Element]:
    """The parts of a table or of a row, be they in a content control."""
    for each in element:
        if name_of(each) == name:
            yield each
        elif name_of(each) in ("sdt", "sdtContent", "customXml", "ins", "moveTo"):
            yield from _within(each, name)


def _paragraphs(element: Element) -> Iterator[Element]:
    """The paragraphs in an element, without those in a paragraph."""
    for each in element:
        if name_of(each) == "p":
            yield each
        elif name_of(each) not in UNSHOWN:
            yield from _paragraphs(each)
