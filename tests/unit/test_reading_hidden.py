"""Text of a PDF that no reader sees, and text that only looks so."""

from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest
from tests.expected import read_pages

from rag_workloads.library.documents import ErrorCode

Draw = Callable[[pymupdf.Page], object]
WHITE, NEARLY, BLACK = (1, 1, 1), (0.98, 0.99, 1), (0, 0, 0)


def drawn(path: Path, draw: Draw) -> tuple[str, list[ErrorCode]]:
    """The text of a page with a line and something else on it, and the codes of what it notes."""
    with pymupdf.open() as document:
        page = document.new_page()
        draw(page)
        page.insert_text((72, 72), "Everybody sees this.")
        document.save(path)
    (page,) = read_pages(path)
    return page.text, [note.code for note in page.notes]


def scan(page: pymupdf.Page) -> None:
    page.insert_image(page.rect, pixmap=pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 8, 8)))


@pytest.mark.parametrize(
    "draw",
    [
        lambda page: page.insert_text((72, 200), "Secret", color=WHITE),
        lambda page: page.insert_text((72, 200), "Secret", color=NEARLY),
        lambda page: page.insert_text((72, 200), "Secret", render_mode=3),
        lambda page: page.insert_text((72, 200), "Secret", fontsize=0.5),
        lambda page: page.insert_text((72, 200), "Secret", fill_opacity=0),
    ],
    ids=["white on white", "nearly white", "not drawn", "of no size", "transparent"],
)
def test_what_no_reader_sees_is_left_out_and_told(tmp_path: Path, draw: Draw) -> None:
    assert drawn(tmp_path / "a.pdf", draw) == ("Everybody sees this.", [ErrorCode.TEXT_HIDDEN])


def test_what_is_off_the_page_is_left_out(tmp_path: Path) -> None:
    text, _ = drawn(tmp_path / "a.pdf", lambda page: page.insert_text((72, -50), "Secret"))
    assert text == "Everybody sees this."


def on_black(page: pymupdf.Page) -> None:
    page.draw_rect((60, 180, 300, 220), fill=BLACK)
    page.insert_text((72, 200), "Seen", color=WHITE)


def over_a_scan(page: pymupdf.Page) -> None:
    scan(page)
    page.insert_text((72, 200), "Seen", render_mode=3)


@pytest.mark.parametrize("draw", [on_black, over_a_scan])
def test_white_on_black_and_the_text_of_a_scan_are_read(tmp_path: Path, draw: Draw) -> None:
    text, notes = drawn(tmp_path / "a.pdf", draw)
    assert "Seen" in text
    assert notes == []
