import re
from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker import parsing

PDF = "application/pdf"


def pdf(pages: int = 5, **save: object) -> bytes:
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


def with_page_3_replaced() -> bytes:
    document = pymupdf.open("pdf", pdf())
    document.update_object(document[2].xref, "<</Type/Nonsense>>")
    data: bytes = document.tobytes()
    return data


def encrypted() -> bytes:
    return pdf(encryption=pymupdf.mupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="secret")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "document"
        path.write_bytes(data)
        return path

    return write


def test_pages_are_read_in_order(write: Callable[[bytes], Path]) -> None:
    path = write(pdf())
    assert parsing.count_pages(path, PDF) == 5
    assert [text.strip() for text in parsing.read_pages(path, PDF, 2, 3)] == [
        "This is page 2.",
        "This is page 3.",
    ]


def test_leaders_of_a_table_of_contents_are_shortened(write: Callable[[bytes], Path]) -> None:
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), f"1.2 Names{' .' * 30} 97")
        path = write(document.tobytes())
    assert parsing.read_pages(path, PDF, 1, 1) == ["1.2 Names … 97\n"]


def test_a_blank_page_is_no_error(write: Callable[[bytes], Path]) -> None:
    document = pymupdf.open()
    document.new_page()
    assert parsing.read_pages(write(document.tobytes()), PDF, 1, 1) == [""]


def test_a_scan_that_mupdf_complains_about_is_no_broken_page(write: Callable[[bytes], Path]) -> None:
    document = pymupdf.open()
    page = document.new_page()
    page.insert_image(page.rect, pixmap=pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 8, 8)))
    (contents,) = page.get_contents()
    document.update_stream(contents, document.xref_stream(contents) + b"\n) nonsense <<")
    assert parsing.read_pages(write(document.tobytes()), PDF, 1, 1)[0].strip() == ""
    assert pymupdf.TOOLS.mupdf_warnings(), "MuPDF did complain"


@pytest.mark.parametrize("broken", [with_page_3_scrambled(), with_page_3_replaced()])
def test_a_page_that_cannot_be_read_is_named(write: Callable[[bytes], Path], broken: bytes) -> None:
    path = write(broken)
    assert len(parsing.read_pages(path, PDF, 1, 2)) == 2
    with pytest.raises(DocumentError) as caught:
        parsing.read_pages(path, PDF, 1, parsing.count_pages(path, PDF))
    assert caught.value.code is ErrorCode.PDF_CORRUPT
    assert caught.value.page == 3
    assert caught.value.hint


def test_a_file_cut_in_half_names_the_first_page_that_is_gone(write: Callable[[bytes], Path]) -> None:
    data = pdf(50)
    path = write(data[: len(data) // 2])
    with pytest.raises(DocumentError) as caught:
        parsing.read_pages(path, PDF, 1, parsing.count_pages(path, PDF))
    assert caught.value.code is ErrorCode.PDF_CORRUPT
    assert caught.value.page in range(20, 40)


@pytest.mark.parametrize(
    ("data", "content_type", "code"),
    [
        (b"%PDF-1.7\n" + bytes(range(256)) * 20, PDF, ErrorCode.PDF_CORRUPT),
        (encrypted(), PDF, ErrorCode.PDF_ENCRYPTED),
        (b"hello", PDF, ErrorCode.UNSUPPORTED_TYPE),
        (b"", PDF, ErrorCode.UNSUPPORTED_TYPE),
        (b"PK\x03\x04", "application/zip", ErrorCode.UNSUPPORTED_TYPE),
        (b"caf\xe9", "text/plain", ErrorCode.UNSUPPORTED_TYPE),
        (b"text\0", "text/plain", ErrorCode.UNSUPPORTED_TYPE),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "application/octet-stream", ErrorCode.UNSUPPORTED_TYPE),
        (b"\0\0\1\0", "application/octet-stream", ErrorCode.UNSUPPORTED_TYPE),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_code_and_a_hint(
    write: Callable[[bytes], Path], data: bytes, content_type: str, code: ErrorCode
) -> None:
    with pytest.raises(DocumentError) as caught:
        parsing.count_pages(write(data), content_type)
    assert caught.value.code is code
    assert caught.value.hint


def test_a_text_is_a_page_per_form_feed(write: Callable[[bytes], Path]) -> None:
    path = write("\ufeff第一页\fsecond".encode())
    assert parsing.count_pages(path, "text/markdown; charset=utf-8") == 2
    assert parsing.read_pages(path, "text/plain", 1, 2) == ["第一页", "second"]


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "text/x-rst", "Text/HTML; charset=utf-8"]
)
def test_a_text_need_not_be_declared_as_one(write: Callable[[bytes], Path], content_type: str) -> None:
    path = write("# Garden\n\nÄpfel".encode())
    assert parsing.read_pages(path, content_type, 1, 1) == ["# Garden\n\nÄpfel"]


def test_a_text_is_read_once_for_all_its_pages(write: Callable[[bytes], Path]) -> None:
    path = write(b"first\fsecond")
    assert parsing.count_pages(path, "text/plain") == 2
    path.write_bytes(b"nothing")
    assert parsing.read_pages(path, "text/plain", 2, 2) == ["second"]
