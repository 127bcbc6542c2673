"""What is read of a file: the pages of a PDF here, of a text in test_reading_text."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from tests.data import DATA
from tests.expected import PDF, read_pages

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker import parsing

Write = Callable[[bytes], Path]


def pdf(pages: int = 5, **save: Any) -> bytes:
    document = pymupdf.open()
    for number in range(1, pages + 1):
        document.new_page().insert_text((72, 72), f"This is page {number}.")
    data: bytes = document.tobytes(**save)
    return data


def with_page_3_scrambled() -> bytes:
    data = bytearray(pdf(deflate=True))
    third = [match.end() for match in re.finditer(rb"(?<!end)stream\r?\n", data)][2]
    for at in range(third, third + 40):
        data[at] ^= 0x5A
    return bytes(data)


def edited(edit: Callable[[pymupdf.Document], None]) -> bytes:
    document = pymupdf.open("pdf", pdf())
    edit(document)
    data: bytes = document.tobytes()
    return data


def with_page_3(content: bytes) -> bytes:
    return edited(lambda document: document.update_stream(document[2].get_contents()[0], content))


def with_pages_that_are(root: bytes) -> bytes:
    return re.sub(rb"<<\s*/Type\s*/Pages.*?>>", lambda _: root, pdf(), flags=re.S)


def encrypted(user_password: str) -> bytes:
    method = pymupdf.mupdf.PDF_ENCRYPT_AES_256
    return pdf(encryption=method, user_pw=user_password, owner_pw="secret")


def texts(path: Path, content_type: str = PDF) -> list[str]:
    pages = read_pages(path, content_type)
    assert not any(page.warning for page in pages)
    return [page.text for page in pages]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(data: bytes) -> Path:
        path = tmp_path / "document"
        path.write_bytes(data)
        return path

    return write


def test_pages_are_read_in_order(write: Write) -> None:
    path = write(pdf())
    pages = parsing.open_pages(path, PDF)
    assert len(pages) == 5
    assert [pages[index].text for index in (1, 2)] == ["This is page 2.", "This is page 3."]


def test_entries_of_a_table_of_contents_are_left_out_and_other_leaders_dropped(write: Write) -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_text((72, 72), ["Contents", f"1.2 Names{' .' * 30} 97", f"1.3 Dates{' .' * 30} 98"])
        page.insert_text((72, 300), f"Your name{' .' * 30}")
        path = write(document.tobytes())
    assert texts(path) == ["Your name"]


def test_nothing_passes_from_one_document_to_the_next() -> None:
    assert texts(DATA / "actualtext-tagged.pdf")
    for _ in range(2):
        first, blank, third = texts(DATA / "blank-page-in-the-middle.pdf")
        assert "forty-two" in first
        assert blank == ""
        assert "left blank on purpose" in third


@pytest.mark.parametrize(
    "content",
    [b"", b" \n", b"q Q", b"BT ET", b"/Artifact <</ActualText (\xfe\xff\x00a)>> BDC\nEMC\n", b"0 0 m n"],
)
def test_a_page_with_nothing_on_it_is_no_broken_page(write: Write, content: bytes) -> None:
    assert texts(write(with_page_3(content)))[2] == ""


def test_a_scan_that_mupdf_complains_about_is_no_broken_page(write: Write) -> None:
    document = pymupdf.open()
    page = document.new_page()
    page.insert_image(page.rect, pixmap=pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 8, 8)))
    (contents,) = page.get_contents()
    document.update_stream(contents, document.xref_stream(contents) + b"\n) nonsense <<")
    assert texts(write(document.tobytes())) == [""]


@pytest.mark.parametrize(
    "broken",
    [
        with_page_3_scrambled(),
        with_page_3(b"\x00\xff<<(" * 200),
        edited(lambda document: document.update_object(document[2].xref, "<</Type/Nonsense>>")),
        edited(lambda document: document.update_object(document[2].xref, "null")),
        edited(lambda document: document.xref_set_key(document[2].xref, "Contents", "999 0 R")),
    ],
    ids=["scrambled", "garbage", "no page", "lost", "no content"],
)
def test_a_page_that_cannot_be_read_costs_no_other(write: Write, broken: bytes) -> None:
    path = write(broken)
    pages = read_pages(path)
    assert [page.text for page in pages] == [f"This is page {n}." if n != 3 else "" for n in range(1, 6)]
    (warning,) = [page.warning for page in pages if page.warning]
    assert (warning.page, warning.code) == (3, ErrorCode.PDF_CORRUPT)
    assert warning.message.startswith("Page 3 cannot be read: ")


def test_of_a_file_cut_in_half_the_first_half_is_read(write: Write) -> None:
    data = pdf(50)
    path = write(data[: len(data) // 2])
    pages = read_pages(path)
    lost = [page.warning.page for page in pages if page.warning]
    assert lost == list(range(lost[0], 51))
    assert lost[0] in range(20, 40)
    assert [page.text for page in pages[: lost[0] - 1]] == [f"This is page {n}." for n in range(1, lost[0])]


OBJECT = re.compile(rb"\d+ 0 obj.*?endobj\n", re.DOTALL)


def test_of_a_file_whose_first_part_is_lost_every_page_is_read_or_told_to_be_lost(write: Write) -> None:
    data = pdf(5)
    # As many programs write it: the pages first, and last what leads to them.
    objects = OBJECT.findall(data)[::-1]
    trailer = data[data.rindex(b"trailer") :]
    readable = []
    for lost in range(len(objects) - 4):  # without a single page it is no PDF
        pages = read_pages(write(b"".join(objects[lost:]) + trailer))
        assert [bool(page.text) for page in pages] == [page.warning is None for page in pages]
        readable.append(sum(bool(page.text) for page in pages))
    assert (readable[0], readable[-1]) == (5, 0)


def test_a_count_of_pages_that_lies_is_corrected(write: Write) -> None:
    assert texts(DATA / "23-count-lies.pdf") == [
        "The Niobium file says five pages, has one and names Per Lund."
    ]

    def count_two(document: pymupdf.Document) -> None:
        document.xref_set_key(
            int(document.xref_get_key(document.pdf_catalog(), "Pages")[1][:-4]), "Count", "2"
        )

    assert texts(write(edited(count_two))) == texts(write(pdf()))


def test_a_tree_of_pages_may_list_them_in_an_object_of_its_own(write: Write) -> None:
    def apart(document: pymupdf.Document) -> None:
        root = int(document.xref_get_key(document.pdf_catalog(), "Pages")[1][:-4])
        kids = document.get_new_xref()
        document.update_object(kids, document.xref_get_key(root, "Kids")[1])
        document.xref_set_key(root, "Kids", f"{kids} 0 R")

    assert texts(write(edited(apart))) == texts(write(pdf()))


def test_a_tree_of_pages_that_leads_back_into_itself_has_an_end(write: Write) -> None:
    def knot(document: pymupdf.Document) -> None:
        root = int(document.xref_get_key(document.pdf_catalog(), "Pages")[1][:-4])
        document.xref_set_key(root, "Kids", f"[{document[0].xref} 0 R {root} 0 R 12345 0 R]")

    path = write(edited(knot))
    first, lost = read_pages(path)
    assert first.text == "This is page 1."
    assert lost.warning


def test_an_empty_password_opens(write: Write) -> None:
    assert len(texts(write(encrypted("")))) == 5


def test_an_empty_password_of_the_owner_opens_too(write: Write) -> None:
    assert len(texts(DATA / "owner-password-empty.pdf")) == 2


def test_attachments_may_need_a_password_where_the_pages_do_not(write: Write) -> None:
    _, rules = pymupdf.open("pdf", encrypted("secret")).xref_get_key(-1, "Encrypt")
    for_attachments_only = re.sub("/(StmF|StrF)/StdCF", r"/\1/Identity", rules).encode()
    data = pdf().replace(b"trailer\n<<", b"trailer\n<</Encrypt " + for_attachments_only)
    assert pymupdf.open("pdf", data).needs_pass
    assert len(texts(write(data))) == 5


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"%PDF-1.7\n" + bytes(range(256)) * 20, ErrorCode.PDF_CORRUPT),
        (with_pages_that_are(b"null"), ErrorCode.PDF_CORRUPT),
        (with_pages_that_are(b"[1 2]"), ErrorCode.PDF_CORRUPT),
        (with_pages_that_are(b"<</Type/Pages/Kids 7/Count 3>>"), ErrorCode.PDF_CORRUPT),
        (encrypted("secret"), ErrorCode.PDF_ENCRYPTED),
        (b"hello", ErrorCode.UNSUPPORTED_TYPE),
        (b"", ErrorCode.UNSUPPORTED_TYPE),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_code_and_a_hint(
    write: Write, data: bytes, code: ErrorCode
) -> None:
    with pytest.raises(DocumentError) as caught:
        parsing.open_pages(write(data), PDF)
    assert caught.value.code is code
    assert caught.value.hint


@pytest.mark.parametrize("content_type", ["text/markdown", "application/octet-stream"])
def test_a_text_about_pdfs_is_a_text(content_type: str) -> None:
    (text,) = texts(DATA / "22-about-pdf.md", content_type)
    assert text.startswith("How to recognise a file\n\nA PDF begins")


SAMPLE = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        (b"%PDF-1.7 is how one begins.", "text/plain"),
        (b"%PDF-1.7 is how one begins.", "application/octet-stream"),
        (b"# The format\n\n```\n" + SAMPLE + b"```\n", "text/markdown"),
        (b"# The format\n\n```\n" + SAMPLE + b"```\n", "application/octet-stream"),
        (b'SAMPLE = b"""\n' + pdf() + b'\n"""\n# d\xc3\xa9j\xc3\xa0', "application/octet-stream"),
        (b"One ends like this:\n" + SAMPLE + b"%%EOF\n", "text/plain"),
        (SAMPLE + b"... is how one begins.", "text/plain"),
    ],
)
def test_a_text_may_show_how_a_pdf_looks(write: Write, text: bytes, content_type: str) -> None:
    (read,) = texts(write(text), content_type)
    marks = {"#", "```"}  # of Markdown
    assert [word for word in read.split() if word not in marks] == [
        word for word in text.decode().split() if word not in marks
    ]


@pytest.mark.parametrize("content_type", [PDF, "application/octet-stream", "text/plain", "image/jpeg"])
def test_a_pdf_is_one_whatever_it_is_called(write: Write, content_type: str) -> None:
    assert len(texts(write(pdf()), content_type)) == 5


@pytest.mark.parametrize("content_type", [PDF, "application/octet-stream"])
@pytest.mark.parametrize("save", [{}, {"deflate": True}])
def test_a_pdf_may_come_after_junk(write: Write, content_type: str, save: dict[str, bool]) -> None:
    assert len(texts(write(b"HTTP/1.1 200 OK\r\n\r\n" + pdf(**save)), content_type)) == 5


def test_a_pdf_may_have_lost_its_header(write: Write) -> None:
    assert len(texts(write(pdf()[len(b"%PDF-1.7") :]))) == 5


def test_a_pdf_with_binary_data_is_one_whatever_is_cut_off(write: Write) -> None:
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 72), "This is page 1.")
    document.embfile_add("noise", bytes(range(256)) * 40)
    data = b"junk" + document.tobytes()
    assert texts(write(data[: data.rindex(b"%%EOF")]), "application/octet-stream") == ["This is page 1."]


# Joiners and direction marks, which a PDF may give as what its glyphs stand for.
INVISIBLE = "\ufeff\u200d\u200c\u200e\u2066\u2069".encode("utf-16-be").hex().encode()


def test_a_page_in_which_nothing_can_be_seen_has_no_text(write: Write) -> None:
    shown = b"BT /helv 11 Tf 72 720 Td (x) Tj ET"
    assert texts(write(with_page_3(shown)))[2] == "x"
    assert (
        texts(write(with_page_3(b"/Span <</ActualText <" + INVISIBLE + b">>> BDC " + shown + b" EMC")))[2]
        == ""
    )
