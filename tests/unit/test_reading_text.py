from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data import DATA
from tests.unit.linear import PATTERNS, is_linear

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning
from rag_workloads.worker.pages import Block, Page
from rag_workloads.worker.parsing import open_pages
from rag_workloads.worker.readers.encodings import ENCODING_HINT
from rag_workloads.worker.readers.text import MOST_PAGES, without_data

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(data: bytes) -> Path:
        path = tmp_path / "document"
        path.write_bytes(data)
        return path

    return write


def read(path: Path, content_type: str = "text/plain") -> list[Page]:
    pages = open_pages(path, content_type)
    return [pages[index] for index in range(len(pages))]


def lines(*texts: str) -> tuple[Block, ...]:
    """Paragraphs of one line each, with an empty line between them."""
    return tuple(Block("paragraph", text, line=1 + 2 * number) for number, text in enumerate(texts))


def test_a_text_is_a_page_per_form_feed_and_its_paragraphs_have_their_lines(write: Write) -> None:
    path = write("\ufeff第一页\n\n \nthird\nline\n\fsecond".encode())
    assert read(path) == [
        Page((Block("paragraph", "第一页", line=1), Block("paragraph", "third\nline", line=4))),
        Page((Block("paragraph", "second", line=6),)),
    ]


def test_so_many_form_feeds_part_no_pages(write: Write) -> None:
    (page,) = read(write(b"a\f" * MOST_PAGES))
    assert page.text == " ".join("a" * MOST_PAGES)


def test_a_replacement_that_was_in_the_text_is_no_damage(write: Write) -> None:
    (page,) = read(write("It is shown as \ufffd there.".encode()))
    assert page == Page(lines("It is shown as \ufffd there."))


@pytest.mark.parametrize(
    "content_type",
    ["application/octet-stream", "text/x-rst", "application/msword", "Text/HTML; charset=utf-8"],
)
def test_a_text_need_not_be_declared_as_one(write: Write, content_type: str) -> None:
    assert read(write("Garden\n\nÄpfel".encode()), content_type) == [Page(lines("Garden", "Äpfel"))]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(write: Write, encoding: str) -> None:
    assert read(write("Müller, 图书馆".encode(encoding))) == [Page(lines("Müller, 图书馆"))]


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/plain; charset=iso-8859-1", "café"),
        ('text/plain; charset="windows-1250"', "café"),
        ("text/plain; charset=cp437", "cafΘ"),
    ],
)
def test_a_declared_charset_is_believed_if_the_text_is_in_it(
    write: Write, content_type: str, text: str
) -> None:
    assert read(write(b"caf\xe9"), content_type) == [Page(lines(text))]


@pytest.mark.parametrize(
    "charset", ["us-ascii", "utf-8", "base64", "nonsense", "idna", "punycode", "undefined", "unicode_escape"]
)
def test_a_declared_charset_that_the_text_is_not_in_is_not_believed(write: Write, charset: str) -> None:
    (page,) = read(write(b"The \\ud800 caf\xe9 in Ulm."), f"text/plain; charset={charset}")
    assert page.text == "The \\ud800 café in Ulm."


CHINESE = "圖書館每天上午九點開放，晚上八點關閉。"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        *((encoding, CHINESE) for encoding in ("gb18030", "big5", "utf-16-le", "utf-16-be")),
        ("cp1252", "Der König öffnet die Tür für Müller."),
        ("euc_kr", "도서관은 매일 아침 아홉 시에 문을 열고 저녁 여덟 시에 닫는다."),
        ("euc_jp", "図書館は毎日午前九時に開き、午後八時に閉まります。"),
    ],
)
def test_an_encoding_that_was_guessed_is_told(write: Write, encoding: str, text: str) -> None:
    (page,) = read(write(text.encode(encoding)))
    assert page.text == text
    assert page.warning is None
    (note,) = page.notes
    assert (note.page, note.code) == (1, ErrorCode.TEXT_ENCODING_GUESSED)
    assert ENCODING_HINT in note.message


def test_a_damaged_byte_is_replaced_with_a_warning_that_names_its_place(write: Write) -> None:
    first, second = read(write("Größe\n".encode() + b"a\fThe caf\xe9 of \xff Ulm.\nEnd"))
    assert first == Page((Block("paragraph", "Größe\na", line=1),))
    message = f"2 bytes are no UTF-8 and were replaced, the first in line 2, at offset 17. {ENCODING_HINT}"
    assert second == Page(
        (Block("paragraph", "The caf\ufffd of \ufffd Ulm.\nEnd", line=2),),
        PageWarning(page=2, code=ErrorCode.TEXT_DAMAGED, message=message),
    )


def test_a_nul_is_left_out() -> None:
    (page,) = read(DATA / "13-nul.txt")
    assert page.warning is None
    assert "\0" not in page.text
    assert page.text.endswith("The night guard is called Ilse Brandt.")


@pytest.mark.parametrize(
    ("data", "content_type", "code"),
    [
        (b"hello", "image/svg+xml", ErrorCode.UNSUPPORTED_TYPE),
        (bytes(range(256)) * 4, "application/octet-stream", ErrorCode.UNSUPPORTED_TYPE),
        ("Привет, мир".encode("koi8-r"), "text/plain", ErrorCode.UNSUPPORTED_TYPE),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "application/octet-stream", ErrorCode.UNSUPPORTED_TYPE),
        (b"{\\rtf1\\ansi The library opens at nine.}", "text/plain", ErrorCode.UNSUPPORTED_TYPE),
        (b"\0\0\1\0", "text/plain", ErrorCode.UNSUPPORTED_TYPE),
        (b"", "text/plain", ErrorCode.TEXT_EMPTY),
        (b" \n\t\f\xc2\xa0\n", "text/plain", ErrorCode.TEXT_EMPTY),
        ("\u200d\u200e\n\u2066\u2069\u3164\f\ufe0f\u0301".encode(), "text/plain", ErrorCode.TEXT_EMPTY),
        ("\u200d\ue000\u2800".encode("utf-16"), "text/markdown", ErrorCode.TEXT_EMPTY),
        (b"\xff", "application/octet-stream", ErrorCode.TEXT_EMPTY),
        (b"data:image/png;base64," + b"iVBORw0KGgo5" * 20, "text/markdown", ErrorCode.TEXT_EMPTY),
    ],
)
def test_what_is_no_text_is_refused_with_a_code_and_a_hint(
    write: Write, data: bytes, content_type: str, code: ErrorCode
) -> None:
    with pytest.raises(DocumentError) as caught:
        open_pages(write(data), content_type)
    assert caught.value.code is code
    assert "OCR" not in (caught.value.hint or "OCR")


IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA" * 4


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"Before. ![A map](data:image/png;base64,{IMAGE}==) After.", "Before. ![A map]() After."),
        (f'<img src="data:image/svg+xml,{IMAGE}"> After.', '<img src=""> After.'),
        (f"[map]: <data:image/png;base64,{IMAGE}>\nAfter.", "[map]: <>\nAfter."),
        ("Mail:\n" + "\n".join([IMAGE[:72]] * 5) + "\nAb0=\n\nAfter.", "Mail:\n\nAfter."),
        ("Mail:\n" + "\n".join([IMAGE[:72]] * 5) + "\nAfter all.", "Mail:\n\nAfter all."),
        ("Mail:\r\n" + "\r\n".join([IMAGE[:72]] * 5) + "\r\nAb0=\r\n\r\nAfter.", "Mail:\n\nAfter."),
        (f"The sum is {'0123456789abcdef' * 20}.", f"The sum is {'0123456789abcdef' * 20}."),
        ("Write data:text/plain,hello to say hello.", "Write data:text/plain,hello to say hello."),
    ],
)
def test_the_data_of_an_image_is_no_text(write: Write, text: str, left: str) -> None:
    (page,) = read(write(text.encode()))
    assert page.text == left


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_time_grows_no_faster_than_the_text(pattern: str) -> None:
    assert is_linear(without_data, pattern)
