from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data import DATA
from tests.unit.linear import PATTERNS, is_linear

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning
from rag_workloads.worker.pages import Page, paragraphs
from rag_workloads.worker.plain_text import ENCODING_HINT, read_text, without_data

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(data: bytes) -> Path:
        path = tmp_path / "document"
        path.write_bytes(data)
        return path

    return write


def test_a_text_is_a_page_per_form_feed(write: Write) -> None:
    path = write("\ufeff第一页\fsecond".encode())
    assert read_text(path, "text/markdown; charset=utf-8") == [
        Page(paragraphs("第一页")),
        Page(paragraphs("second")),
    ]


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "text/x-rst", "Text/HTML; charset=utf-8"]
)
def test_a_text_need_not_be_declared_as_one(write: Write, content_type: str) -> None:
    assert read_text(write("# Garden\n\nÄpfel".encode()), content_type) == [
        Page(paragraphs("# Garden\n\nÄpfel"))
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(write: Write, encoding: str) -> None:
    assert read_text(write("Müller, 图书馆".encode(encoding)), "text/plain") == [
        Page(paragraphs("Müller, 图书馆"))
    ]


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/plain; charset=iso-8859-1", "café"),
        ('text/plain; charset="windows-1252"', "café"),
        ("text/plain; charset=base64", "caf\ufffd"),
        ("text/plain; charset=nonsense", "caf\ufffd"),
        ("text/plain; charset=idna", "caf\ufffd"),
        ("text/plain; charset=punycode", "caf\ufffd"),
        ("text/plain; charset=undefined", "caf\ufffd"),
    ],
)
def test_a_declared_charset_is_believed_if_it_is_one(write: Write, content_type: str, text: str) -> None:
    assert read_text(write(b"caf\xe9"), content_type)[0].text == text


def test_a_charset_in_which_a_text_has_half_a_character_is_none(write: Write) -> None:
    (page,) = read_text(write(b"\\ud800 caf\xe9 \\x"), "text/plain; charset=unicode_escape")
    assert page.text == "\\ud800 caf\ufffd \\x"


def test_a_damaged_byte_is_replaced_with_a_warning_that_names_its_place(write: Write) -> None:
    first, second = read_text(write("Größe\n".encode() + b"a\fThe caf\xe9 of \xff Ulm.\nEnd"), "text/plain")
    assert first == Page(paragraphs("Größe\na"))
    message = f"2 bytes are no UTF-8 and were replaced, the first in line 2, at offset 17. {ENCODING_HINT}"
    assert second == Page(
        paragraphs("The caf\ufffd of \ufffd Ulm.\nEnd"),
        PageWarning(page=2, code=ErrorCode.TEXT_DAMAGED, message=message),
    )


@pytest.mark.parametrize(
    ("content_type", "said"),
    [
        ("text/plain", ENCODING_HINT),
        ("text/plain; charset=nonsense", "The charset nonsense is unknown."),
        ("text/plain; charset=us-ascii", "bytes are no ascii"),
    ],
)
def test_a_text_of_another_encoding_is_told_how_to_declare_it(
    write: Write, content_type: str, said: str
) -> None:
    (page,) = read_text(write(b"The caf\xe9 in Ulm."), content_type)
    assert page.warning
    assert said in page.warning.message
    if "ascii" not in content_type:
        with pytest.raises(DocumentError) as caught:
            read_text(write("Größe ändern für Übermütige".encode("utf-16-le")), content_type)
        assert said in (caught.value.hint or "")


def test_a_nul_is_left_out() -> None:
    (page,) = read_text(DATA / "13-nul.txt", "text/plain")
    assert page.warning is None
    assert "\0" not in page.text
    assert page.text.endswith("The night guard is called Ilse Brandt.")


@pytest.mark.parametrize(
    ("data", "content_type", "code"),
    [
        (b"PK\x03\x04", "application/zip", ErrorCode.UNSUPPORTED_TYPE),
        (b"PK\x03\x04\x14\0\0\0\x08\0", "application/octet-stream", ErrorCode.UNSUPPORTED_TYPE),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "application/octet-stream", ErrorCode.UNSUPPORTED_TYPE),
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
        read_text(write(data), content_type)
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
        ("Mail:\n" + "\n".join([IMAGE[:72]] * 5) + "\nAfter all.", "Mail:\nAfter all."),
        ("Mail:\r\n" + "\r\n".join([IMAGE[:72]] * 5) + "\r\nAb0=\r\n\r\nAfter.", "Mail:\n\nAfter."),
        (f"The sum is {'0123456789abcdef' * 20}.", f"The sum is {'0123456789abcdef' * 20}."),
        ("Write data:text/plain,hello to say hello.", "Write data:text/plain,hello to say hello."),
    ],
)
def test_the_data_of_an_image_is_no_text(write: Write, text: str, left: str) -> None:
    assert read_text(write(text.encode()), "text/markdown") == [Page(paragraphs(left))]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_time_grows_no_faster_than_the_text(pattern: str) -> None:
    assert is_linear(without_data, pattern)
