"""What Word shows of a document, as blocks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.packages import STRICT, WORD, docx, paragraph, zipped

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker.pages import Block, Page
from rag_workloads.worker.parsing import open_pages

Read = Callable[[bytes], Page]
STYLES = """
<w:style w:type="paragraph" w:default="1" w:styleId="a"><w:name w:val="Normal"/></w:style>
<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Mine"><w:basedOn w:val="1"/><w:name w:val="Chapter"/></w:style>
<w:style w:styleId="L"><w:name w:val="List Bullet"/>
<w:pPr><w:numPr><w:numId w:val="3"/></w:numPr></w:pPr></w:style>
<w:style w:styleId="C"><w:name w:val="Source Code"/></w:style>
<w:style w:styleId="T"><w:name w:val="toc 2"/></w:style>
<w:style w:styleId="Knot"><w:basedOn w:val="Knot"/><w:name w:val="Knot"/></w:style>
<w:style w:type="character" w:styleId="Ghost"><w:name w:val="Ghost"/><w:rPr><w:vanish/></w:rPr></w:style>
"""


def styled(text: str, style: str, more: str = "") -> str:
    return paragraph(text, f'<w:pStyle w:val="{style}"/>{more}')


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(data: bytes) -> Page:
        path = tmp_path / "document"
        path.write_bytes(data)
        pages = open_pages(path, "application/octet-stream")
        assert len(pages) == 1
        return pages[0]

    return read


@pytest.mark.parametrize("namespace", [WORD, STRICT])
def test_headings_lists_and_code_are_told_by_their_styles(read: Read, namespace: str) -> None:
    body = (
        styled("Opening 7", "T")
        + styled("图书馆", "1")
        + styled("Opening", "Mine", '<w:outlineLvl w:val="1"/>')
        + paragraph("Every day.")
        + styled("Books", "L")
        + styled("Films", "L", '<w:numPr><w:numId w:val="0"/></w:numPr>')
        + styled("dig()", "C")
        + styled("Text", "Knot")
    )
    assert read(docx(body, STYLES, namespace=namespace)).blocks == (
        Block("heading", "图书馆", 1),
        Block("heading", "Opening", 2),
        Block("paragraph", "Every day."),
        Block("list_item", "Books"),
        Block("paragraph", "Films"),
        Block("code", "dig()"),
        Block("paragraph", "Text"),
    )


def table(*rows: list[str], look: str = '<w:tblLook w:firstRow="1"/>') -> str:
    cells = ["".join(f"<w:tc>{cell}</w:tc>" for cell in row) for row in rows]
    return f"<w:tbl><w:tblPr>{look}</w:tblPr>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def test_tables_are_rows_under_their_header_and_a_table_within_is_text_of_its_cell(read: Read) -> None:
    inner = table([paragraph("3.50"), paragraph("each")])
    body = table([paragraph("Plant"), paragraph("Price")], [paragraph("Rose"), inner + paragraph("or less")])
    assert read(docx(body)).blocks == (
        Block("table_row", "Plant\tPrice"),
        Block("table_row", "Rose\t3.50 each or less", table_header="Plant\tPrice"),
    )
    headless = table([paragraph("a")], [paragraph("b")], look="")
    assert [block.table_header for block in read(docx(headless)).blocks] == ["", ""]


def test_runs_are_one_text_with_what_was_inserted_and_without_what_was_deleted(read: Read) -> None:
    run = "<w:r><w:t xml:space='preserve'>{}</w:t></w:r>"
    body = (
        f"<w:p>{run.format('Wa')}{run.format('ter ')}<w:ins>{run.format('it ')}</w:ins>"
        "<w:del><w:r><w:delText>never</w:delText></w:r></w:del><w:hyperlink>"
        f"{run.format('daily')}</w:hyperlink><w:r><w:br/><w:t>or</w:t><w:tab/><w:t>so</w:t></w:r>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
    )
    assert read(docx(body)).blocks == (Block("paragraph", "Water it daily\nor so"),)


def test_notes_and_text_boxes_are_read_once(read: Read) -> None:
    box = f"<w:txbxContent>{paragraph('Boxed')}</w:txbxContent>"
    body = (
        "<w:p><w:r><w:t>Before</w:t></w:r><w:r><mc:AlternateContent xmlns:mc='m'>"
        f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r></w:p>"
        f"<w:sdt><w:sdtContent>{paragraph('Controlled')}</w:sdtContent></w:sdt>"
    )
    notes = f'<w:footnotes xmlns:w="{WORD}"><w:footnote>{paragraph("A note")}</w:footnote></w:footnotes>'
    texts = [block.text for block in read(docx(body, footnotes=notes)).blocks]
    assert texts == ["Before\nBoxed", "Controlled", "A note"]


WHITE = '<w:color w:val="FFFFFF"/>'


@pytest.mark.parametrize(
    "run",
    ["<w:vanish/>", '<w:rStyle w:val="Ghost"/>', WHITE, '<w:sz w:val="2"/>', f"{WHITE}<w:sz w:val='40'/>"],
)
def test_what_no_reader_sees_is_left_out_and_told(read: Read, run: str) -> None:
    page = read(docx(paragraph("Seen") + paragraph("Secret", run=run), STYLES))
    assert page.blocks == (Block("paragraph", "Seen"),)
    (note,) = page.notes
    assert note.code is ErrorCode.TEXT_HIDDEN
    assert "6 characters" in note.message


DARK = '<w:shd w:fill="333333"/>'


@pytest.mark.parametrize(
    "body",
    [
        paragraph("Seen", run='<w:vanish w:val="0"/><w:sz w:val="18"/>'),
        paragraph("Seen", DARK, WHITE),
        paragraph("Seen", run=WHITE + DARK),
        paragraph("Seen", run=WHITE + '<w:highlight w:val="black"/>'),
        table([f"<w:tcPr>{DARK}</w:tcPr>{paragraph('Seen', run=WHITE)}"]),
        table([paragraph("Seen", run=WHITE)], look='<w:tblStyle w:val="Dark"/>'),
    ],
)
def test_white_on_a_color_is_seen(read: Read, body: str) -> None:
    page = read(docx(body))
    assert (page.text, page.notes) == ("Seen", ())


def test_parts_that_are_broken_cost_no_other(read: Read) -> None:
    page = read(docx(paragraph("Text"), footnotes="<w:footnotes>", endnotes=b"\0"))
    assert page.blocks == (Block("paragraph", "Text"),)
    assert [note.code for note in page.notes] == [ErrorCode.FILE_CORRUPT] * 2


ENTITIES = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
BOMB = f'<!DOCTYPE d [<!ENTITY e0 "lol">{ENTITIES}]><w:document xmlns:w="{WORD}"><w:body>'
BOMB += "<w:p><w:r><w:t>a&e9;b</w:t></w:r></w:p></w:body></w:document>"
FILE = f'<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]><w:document xmlns:w="{WORD}"><w:body>'
FILE += "<w:p><w:r><w:t>a&f;</w:t></w:r></w:p></w:body></w:document>"


def test_what_stands_outside_of_the_document_is_not_read(read: Read) -> None:
    assert read(docx("", document=FILE)).text == "a"


def nested(depth: int) -> str:
    return "<w:tbl><w:tr><w:tc>" * depth + paragraph("deep") + "</w:tc></w:tr></w:tbl>" * depth


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (docx(paragraph("Text"))[:-30], ErrorCode.FILE_CORRUPT, "list of parts"),
        (docx("", document="<w:document>"), ErrorCode.FILE_CORRUPT, "word/document.xml is damaged"),
        (docx("", document=BOMB), ErrorCode.FILE_CORRUPT, "word/document.xml is damaged"),
        (docx(nested(10_000)), ErrorCode.FILE_CORRUPT, "word/document.xml is damaged"),
        (docx(""), ErrorCode.TEXT_EMPTY, "no text"),
        (docx("", document=b"\0" * (129 << 20)), ErrorCode.FILE_TOO_LARGE, "128 MiB"),
        (zipped({"xl/workbook.xml": "<a/>"}), ErrorCode.UNSUPPORTED_TYPE, "Excel"),
        (zipped({"content.xml": "<a/>"}), ErrorCode.UNSUPPORTED_TYPE, "OpenDocument"),
        (zipped({"a.txt": "Text"}), ErrorCode.UNSUPPORTED_TYPE, "ZIP file"),
        (zipped({}), ErrorCode.UNSUPPORTED_TYPE, "ZIP file"),
        (b"PK\x03\x04", ErrorCode.FILE_CORRUPT, "list of parts"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, ErrorCode.UNSUPPORTED_TYPE, "old Office"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            ErrorCode.FILE_ENCRYPTED,
            "needs a password",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "",
)
def test_what_cannot_be_read_says_why(read: Read, data: bytes, code: ErrorCode, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(data)
    assert caught.value.code is code
    assert said in caught.value.message
    assert caught.value.hint


def test_a_part_with_a_password_needs_one(read: Read) -> None:
    data = docx(paragraph("Text"))
    # The lowest bit of the flags of every part, in its own header and in the list of parts.
    locked = bytearray(data)
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            locked[at + flags] |= 1
            at = data.find(mark, at + 4)
    with pytest.raises(DocumentError) as caught:
        read(bytes(locked))
    assert caught.value.code is ErrorCode.FILE_ENCRYPTED
