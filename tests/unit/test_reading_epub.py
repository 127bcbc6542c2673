"""The chapters of a book, in order."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.packages import epub

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker.pages import Block, Page
from rag_workloads.worker.parsing import open_pages

Read = Callable[[bytes], Page]
CHAPTER = (
    '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body>{}</body></html>'
)
FIRST, SECOND = (
    CHAPTER.format("<h1>第一章</h1><p>Rain.</p>"),
    CHAPTER.format("<h2>Two</h2><p hidden>No</p><p>Sun.</p>"),
)
LOCK = (
    '<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
    '<enc:EncryptionMethod Algorithm="{}"/></enc:EncryptedData></encryption>'
)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(data: bytes) -> Page:
        path = tmp_path / "document"
        path.write_bytes(data)
        return open_pages(path, "application/epub+zip")[0]

    return read


def test_chapters_are_one_page_in_the_order_of_the_spine(read: Read) -> None:
    page = read(epub(FIRST, SECOND))
    assert page.blocks == (
        Block("heading", "第一章", 1),
        Block("paragraph", "Rain."),
        Block("heading", "Two", 2),
        Block("paragraph", "Sun."),
    )
    assert [note.code for note in page.notes] == [ErrorCode.TEXT_HIDDEN]


def test_a_chapter_that_is_missing_costs_no_other(read: Read) -> None:
    page = read(epub(FIRST, None, SECOND.replace(" hidden", "")))
    assert [block.text for block in page.blocks if block.kind == "heading"] == ["第一章", "Two"]
    (note,) = page.notes
    assert note.code is ErrorCode.FILE_CORRUPT
    assert "a 1.xhtml is missing" in note.message


def test_fonts_may_be_locked(read: Read) -> None:
    assert read(epub(FIRST, encryption=LOCK.format("http://www.idpf.org/2008/embedding"))).blocks


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (
            epub(FIRST, encryption=LOCK.format("http://www.w3.org/2001/04/xmlenc#aes256-cbc")),
            ErrorCode.FILE_ENCRYPTED,
        ),
        (epub(FIRST, container="<container/>"), ErrorCode.FILE_CORRUPT),
        (epub(None), ErrorCode.FILE_CORRUPT),
        (epub(), ErrorCode.TEXT_EMPTY),
    ],
)
def test_a_book_that_cannot_be_read_says_why(read: Read, data: bytes, code: ErrorCode) -> None:
    with pytest.raises(DocumentError) as caught:
        read(data)
    assert caught.value.code is code
    assert caught.value.hint
