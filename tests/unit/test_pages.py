import pytest
from tests.unit.linear import PATTERNS, is_linear

from rag_workloads.library.documents import ErrorCode, PageWarning
from rag_workloads.worker.pages import WARNINGS_KEPT, Block, Page, Tally, clean, paragraphs


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a  \t b\u00a0\u3000c", "a b c"),
        ("a \r\n b\rc\vd\u2028e", "a\nb\nc\nd\ne"),
        ("a\n \n\t\n\n\nb", "a\n\nb"),
        (" \n a \n ", "a"),
        ("a\0b\x07c\x9bd\ufeffe\u200bf", "abcdef"),
        ("a\udce9b", "a\ufffdb"),
        ("नमस्ते می\u200cخواهم", "नमस्ते می\u200cخواهم"),
        ("Immo\u00ad \nbilien, Wert\u00adpapier", "Immobilien, Wertpapier"),
        (" \n\t ", ""),
        ("\u200d\u200c \u2066\u2069\ufe0f\u3164\ue000\u2800\u0301\ufffd", ""),
        ("\u200d\u2764\ufe0f", "\u200d\u2764\ufe0f"),
        ("!", "!"),
    ],
)
def test_white_space_and_controls(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def broken(page: int) -> Page:
    return Page(warning=PageWarning(page=page, code=ErrorCode.PARSE_CRASHED, message="It crashed."))


def tally(*pages: Page) -> Tally:
    tally = Tally()
    for page in pages:
        tally.add(page)
    return tally


def test_a_record_counts_all_warnings_and_keeps_the_first() -> None:
    many = tally(Page(paragraphs("text")), Page(), *map(broken, range(3, 203)))
    assert (many.pages, many.without_text, many.warnings_total) == (202, 1, 200)
    assert [warning.page for warning in many.warnings] == list(range(3, 3 + WARNINGS_KEPT))


@pytest.mark.parametrize(
    ("pages", "code", "page"),
    [
        ([Page()], ErrorCode.PDF_NO_TEXT, None),
        ([Page(), broken(2)], ErrorCode.PDF_NO_TEXT, None),
        ([broken(1), broken(2)], ErrorCode.PARSE_CRASHED, 1),
        ([Page(), broken(2), broken(3)], ErrorCode.PARSE_CRASHED, 2),
    ],
)
def test_nothing_readable(pages: list[Page], code: ErrorCode, page: int | None) -> None:
    error = tally(*pages).no_text()
    assert (error.code, error.page) == (code, page)
    assert error.hint


def test_lines_of_lists_and_tables_follow_one_another_and_other_blocks_have_an_empty_line_between() -> None:
    page = Page(
        (
            Block("heading", "Hours", level=2),
            Block("list_item", "• Monday"),
            Block("list_item", "• Friday"),
            Block("table_row", "Day\tHour"),
            Block("table_row", "Monday\t9", table_header="Day\tHour"),
            *paragraphs("One.\n\nTwo\nlines."),
        )
    )
    assert page.text == "Hours\n\n• Monday\n• Friday\n\nDay\tHour\nMonday\t9\n\nOne.\n\nTwo\nlines."
    assert Page().text == ""


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_time_to_clean_grows_no_faster_than_the_text(pattern: str) -> None:
    assert is_linear(clean, pattern)
