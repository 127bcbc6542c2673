"""What a person sees of an HTML page, as blocks."""

import pytest
from tests.unit.linear import is_linear

from rag_workloads.library.documents import ErrorCode
from rag_workloads.worker.pages import Block
from rag_workloads.worker.readers import html
from rag_workloads.worker.readers.content import Content
from rag_workloads.worker.readers.encodings import Encoding


def read(page: str) -> Content:
    content = Content()
    html.read(page.encode(), Encoding("utf-8"), content)
    return content


def text(page: str) -> str:
    return "|".join(block.text for block in read(page).blocks)


def test_headings_lists_tables_and_code_are_blocks() -> None:
    page = """<!doctype html><html><head><title>T</title><style>p {color: red}</style></head><body>
    <h1>Garden
    book</h1><p>First <b>bold</b>,<br>second.<ul><li>Dig<li>Sow <ol><li>beans</ol></ul>
    <table><caption>Prices</caption><tr><th>Plant</th><th>Price</th></tr>
    <tr><td>Rose<td><p>3.50</p><p>each</p></table>
    <pre>if a:
  b()</pre>End<script>evil()</script> of it."""
    assert read(page).blocks == [
        Block("heading", "Garden book", 1),
        Block("paragraph", "First bold,\nsecond."),
        Block("list_item", "Dig"),
        Block("list_item", "Sow"),
        Block("list_item", "beans"),
        Block("paragraph", "Prices"),
        Block("table_row", "Plant\tPrice"),
        Block("table_row", "Rose\t3.50 each", table_header="Plant\tPrice"),
        Block("code", "if a:\nb()"),
        Block("paragraph", "End of it."),
    ]


def test_lines_of_chinese_have_no_blank_between_them() -> None:
    assert (
        text("<h1>图书\n  馆</h1><p>每天上午\n九点开放，\n见 README\n一文。")
        == "图书馆|每天上午九点开放，见 README 一文。"
    )


def test_a_table_for_the_layout_is_no_table() -> None:
    page = "<table><tr><td><h2>News</h2>Rain.</td><td><table><tr><td>a<td>b</table></table>"
    assert read(page).blocks == [
        Block("heading", "News", 2),
        Block("paragraph", "Rain."),
        Block("table_row", "a\tb"),
    ]


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>Secret</p>",
        "<p style='display: none'>Secret</p>",
        "<p style='Visibility:hidden !important'>Secret</p>",
        "<div style='font-size:0px'><p>Secret</p></div>",
        "<p style='opacity:0.0'>Secret</p>",
        "<p style='position:absolute; left:-9999px'>Secret</p>",
        "<p style='color:#FFF'>Secret</p>",
        "<p style='color:rgb(250, 255, 255);background:white'>Secret</p>",
        "<font color='white'>Secret</font>",
        "<div style='background:#333'><p style='color:#303030'>Secret</p></div>",
        "<style>.x {display:none}</style><p class='y x'>Secret</p>",
        "<style>@media print {.y {color:red}} p#s {opacity:0}</style><p id=s>Secret</p>",
        "<table><tr><td><i hidden>Secret</i></table>",
    ],
)
def test_what_no_reader_sees_is_left_out_and_counted(hidden: str) -> None:
    content = read(f"<p>Before</p>{hidden}<p>After</p>")
    assert [block.text for block in content.blocks] == ["Before", "After"]
    assert content.hidden == len("Secret")


@pytest.mark.parametrize(
    "shown",
    [
        "<p aria-hidden=true>Seen</p>",
        "<p style='opacity:0.5;font-size:0.9em'>Seen</p>",
        "<p style='opacity:inherit;font-size:small'>Seen</p>",
        "<style>code {font-size:inherit} div code {font-size:1em}</style><code>Seen</code>",
        "<div style='background:#333'><p style='color:white'>Seen</p></div>",
        "<div style='background:url(dark.png)'><p style='color:white'>Seen</p></div>",
        "<link rel=stylesheet href=a.css><p style='color:white'>Seen</p>",
        "<style>@media print {.x {display:none}}</style><p class=x>Seen</p>",
        "<style>.x {display:none} .x.open {display:block}</style><p class='x open'>Seen</p>",
        "<style>.x {display:none} .js .x {display:block}</style><p class=x>Seen</p>",
        "<style>/* .x {display:none} */</style><p class=x>Seen</p>",
    ],
)
def test_what_a_reader_sees_is_read(shown: str) -> None:
    content = read(shown)
    assert [block.text for block in content.blocks] == ["Seen"]
    assert content.hidden == 0


def test_scripts_comments_and_templates_are_no_text_and_not_hidden_either() -> None:
    content = read("<p>A<!-- no --><script>no</script><template>no</template><noscript>no</noscript>B</p>")
    assert (content.blocks, content.hidden) == ([Block("paragraph", "AB")], 0)


@pytest.mark.parametrize(("deep", "lost"), [(400, 0), (100_000, 1)])
def test_nesting_that_has_no_end_costs_what_is_within(deep: int, lost: int) -> None:
    content = read("<p>Before</p>" + "<table><tr><td>" * deep + "within")
    assert [block.text for block in content.blocks] == ["Before", "within"][: 2 - lost]
    assert [note.code for note in content.notes] == [ErrorCode.FILE_CORRUPT] * lost


@pytest.mark.parametrize(
    ("page", "sent_as", "name"),
    [
        (b"<meta charset=gbk>", "text/html", "gb18030"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=big5">', "", "big5hkscs"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?>", "", "cp1252"),
        (b"<meta charset=gbk>", "text/html; charset=utf-8", "utf-8"),
        ("<p>图书馆每天开放</p>".encode("gbk"), "text/html", "gb18030"),
    ],
)
def test_the_page_says_its_encoding(page: bytes, sent_as: str, name: str) -> None:
    assert html.encoding_of_page(page, sent_as).name == name


@pytest.mark.parametrize(
    ("begin", "is_page"),
    [
        ("<!DOCTYPE html><p>", True),
        ("\ufeff <!-- a --> <HTML lang=en>", True),
        ("<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC 'x'>\n<html xmlns='y'>", True),
        ("A page begins with <html>.", False),
        ("<p>A fragment</p>", False),
        ("<?xml version='1.0'?><rss>", False),
    ],
)
def test_a_page_is_told_by_how_it_begins(begin: str, is_page: bool) -> None:
    assert html.is_page(begin.encode()) is is_page
    assert html.is_page(begin.encode("utf-16")) is is_page


@pytest.mark.parametrize("pattern", ["a", "a{", "a{}", "}", "@media ", "a,", "/*"])
def test_a_style_sheet_is_read_in_time_linear_in_it(pattern: str) -> None:
    assert is_linear(lambda sheet: read(f"<style>{sheet}</style><p>Seen</p>"), pattern)
