"""What is seen of a PDF's structure, on pages drawn here; tests/bench/parsing measures it on printed ones."""

from collections.abc import Iterable
from pathlib import Path

import pymupdf
import pytest
from tests.expected import read_pages

from rag_workloads.worker.pages import Block
from rag_workloads.worker.pdf_blocks import page_blocks
from rag_workloads.worker.pdf_headings import Types
from rag_workloads.worker.pdf_lines import Line

PROSE = "The keeper of the museum winds every clock in the morning, before the doors open."
WIDTH, HEIGHT = 612, 792


class Drawing:
    """A document that is drawn line by line, from the top of each page to its bottom."""

    def __init__(self) -> None:
        self._pdf = pymupdf.open()
        self._y = 0.0

    def page(self, header: str = "", footer: str = "") -> None:
        self._page, self._y = self._pdf.new_page(width=WIDTH, height=HEIGHT), 110
        self._page.insert_text((60, 50), header, fontsize=9)
        self._page.insert_text((300, 760), footer, fontsize=9)

    def text(self, text: str, size: float = 10, font: str = "helv", x: float = 60, gap: float = 12) -> None:
        self._page.insert_text((x, self._y + size), text, fontsize=size, fontname=font)
        self._y += size + gap

    def row(self, *cells: str, font: str = "helv", x: float = 60, width: float = 140) -> None:
        """Cells beside each other."""
        for at, cell in enumerate(cells):
            self._page.insert_text((x + at * width, self._y + 10), cell, fontsize=10, fontname=font)
        self._y += 18

    def apart(self, words: Iterable[str], gap: float) -> None:
        """Words of a line that is justified."""
        x = 60.0
        for word in words:
            self._page.insert_text((x, self._y + 10), word, fontsize=10)
            x += pymupdf.get_text_length(word, fontsize=10) + gap
        self._y += 12

    def rules(
        self, across: Iterable[tuple[float, float, float]], down: Iterable[tuple[float, float, float]]
    ) -> None:
        """Rules at a height from one place to another, and at a place from one height to another."""
        for y, start, end in across:
            self._page.draw_line((start, y), (end, y), width=0.7)
        for x, start, end in down:
            self._page.draw_line((x, start), (x, end), width=0.7)

    def read(self, folder: Path) -> list[tuple[Block, ...]]:
        path = folder / "drawing.pdf"
        self._pdf.save(path)
        pages = read_pages(path)
        assert not any(page.warning for page in pages)
        return [page.blocks for page in pages]


def prose(drawing: Drawing, lines: int = 4) -> None:
    for line in range(lines):
        drawing.text(PROSE, gap=2 if line < lines - 1 else 14)


def test_headings_have_the_levels_of_their_sizes(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.page()
    for text, size in (("The museum", 22), ("Its clocks", 15), ("Its keeper", 15)):
        drawing.text(text, size)
        prose(drawing)
    drawing.text("The last clock", font="hebo")
    prose(drawing)
    (blocks,) = drawing.read(tmp_path)
    headings = [(block.text, block.level) for block in blocks if block.kind == "heading"]
    assert headings == [("The museum", 1), ("Its clocks", 2), ("Its keeper", 2), ("The last clock", 3)]
    assert [block.text for block in blocks if block.kind == "paragraph"] == ["\n".join([PROSE] * 4)] * 4


def test_a_caption_and_a_sentence_in_bold_are_no_headings(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.page()
    for text in ("Figure 3: the tower", "Mind the step.", "Note:"):
        drawing.text(text, font="hebo")
        prose(drawing)
    (blocks,) = drawing.read(tmp_path)
    assert {block.kind for block in blocks} == {"paragraph"}


def test_running_headers_and_footers_are_dropped(tmp_path: Path) -> None:
    drawing = Drawing()
    for number in range(1, 5):
        drawing.page("The museum's handbook", f"{number} of 4")
        drawing.text(f"This is said on page {number}.")
        prose(drawing)
    pages = drawing.read(tmp_path)
    assert [page[0].text for page in pages] == [f"This is said on page {number}." for number in range(1, 5)]
    assert not any("handbook" in block.text or "of 4" in block.text for page in pages for block in page)


def test_what_stands_once_at_the_top_is_no_running_header(tmp_path: Path) -> None:
    drawing = Drawing()
    for header in ("Spring", "Summer", "Autumn"):
        drawing.page(header)
        prose(drawing)
    assert [page[0].text for page in drawing.read(tmp_path)] == ["Spring", "Summer", "Autumn"]


def test_items_of_a_list_are_told_apart(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.page()
    prose(drawing)
    for marker in ("-", "1.", "(b)"):
        drawing.row(marker, "an item of it", width=26)
    (blocks,) = drawing.read(tmp_path)
    assert [block.text for block in blocks if block.kind == "list_item"] == [
        "- an item of it",
        "1. an item of it",
        "(b) an item of it",
    ]


def test_an_item_goes_on_in_lines_that_are_set_in(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.page()
    prose(drawing)
    drawing.text("- An item that is long and", x=70, gap=2)
    drawing.text("goes on in a line below it, and", x=80, gap=2)
    drawing.text("in one more.", x=80, gap=14)
    (blocks,) = drawing.read(tmp_path)
    assert [" ".join(block.text.split()) for block in blocks if block.kind == "list_item"] == [
        "- An item that is long and goes on in a line below it, and in one more."
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(
            (text, "list_item")
            for text in ("•“依赖”", "– 依赖", "一、依赖", "（十二）依赖", "1、依赖", "①依赖", "2. Next")
        ),
        *((text, "paragraph") for text in ("–依赖", "一、二级依赖", "1、2 级依赖", "2.5 metres", "a.out")),
    ],
)
def test_markers_of_items(text: str, kind: str) -> None:
    (block,) = page_blocks([Line(text, 60, 100, 200, 110, size=10)], (), Types(body=10), 1)
    assert block.kind == kind


def test_columns_are_read_one_after_the_other_though_drawn_in_rows(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.page()
    drawing.text("A heading that runs over both of the columns of this page", 20)
    for line in range(12):
        drawing.row(
            f"Line {line:02} of the left column goes on", f"Line {line:02} of the right column too", width=250
        )
    (blocks,) = drawing.read(tmp_path)
    assert blocks[0].kind == "heading"
    text = " ".join(block.text for block in blocks[1:])
    places = [text.index(f"Line {line:02} of the {side}") for side in ("left", "right") for line in range(12)]
    assert places == sorted(places)


def test_code_beside_its_comments_is_no_column_and_prose_over_both_stays_whole(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.page()
    prose(drawing)
    for at in range(8):
        drawing.row(f"wind(clock[{at}], 12)", "# each of them, and not", font="cour", width=220)
    prose(drawing)
    blocks = drawing.read(tmp_path)[0]
    assert [block.text for block in blocks if block.kind == "paragraph"] == ["\n".join([PROSE] * 4)] * 2
    code = " ".join(block.text for block in blocks[1:-1]).split()
    assert code == " ".join(f"wind(clock[{at}], 12) # each of them, and not" for at in range(8)).split()


def test_words_that_are_far_apart_to_fill_a_line_stand_in_no_columns(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.page()
    words, rest = ["Each", "is", "wound", "by", "him", "before the doors of it open"], "and he opens it."
    for _ in range(8):
        drawing.apart(words, gap=11)
        drawing.text(rest, gap=6)
    text = " ".join(block.text for block in drawing.read(tmp_path)[0])
    assert " ".join(text.split()) == " ".join([*words, rest] * 8)


def test_cells_with_borders_are_rows_under_their_header(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.page()
    drawing.rules([(y, 55, 475) for y in (108, 126, 144, 162)], [(x, 108, 162) for x in (55, 195, 475)])
    drawing.rules([], [(335, 108, 144)])  # the last row's second cell is as wide as two
    drawing.row("Clock", "Made in", "Winds", font="hebo")
    drawing.row("Tower", "1604", "daily")
    drawing.row("Hall", "is away until the summer of next year")
    (blocks,) = drawing.read(tmp_path)
    header = "Clock\tMade in\tWinds"
    assert blocks == (
        Block("table_row", header),
        Block("table_row", "Tower\t1604\tdaily", table_header=header),
        Block("table_row", "Hall\tis away until the summer of next year", table_header=header),
    )


def test_cells_without_borders_are_rows_where_they_stand_in_columns(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.page()
    prose(drawing)
    drawing.row("Clock", "Made in", "Winds", font="hebo")
    for clock in ("Tower", "Hall", "Chapel"):
        drawing.row(clock, "1604", "daily")
    prose(drawing)
    (blocks,) = drawing.read(tmp_path)
    rows = [block for block in blocks if block.kind == "table_row"]
    assert [row.text.split("\t")[0] for row in rows] == ["Clock", "Tower", "Hall", "Chapel"]
    assert {row.table_header for row in rows[1:]} == {"Clock\tMade in\tWinds"}
    assert [block.kind for block in blocks] == ["paragraph", *["table_row"] * 4, "paragraph"]


@pytest.mark.parametrize("boxes", [1, 60])
def test_a_frame_and_a_drawing_are_no_tables(tmp_path: Path, boxes: int) -> None:
    drawing = Drawing()
    drawing.page()
    prose(drawing)
    drawing.rules([(100 + 5 * at, 50, 500) for at in range(boxes + 1)], [(50, 100, 400), (500, 100, 400)])
    (blocks,) = drawing.read(tmp_path)
    assert {block.kind for block in blocks} == {"paragraph"}
