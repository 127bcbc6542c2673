"""Pages that are pictures, read by text recognition with its own models, in a process of its own."""

from pathlib import Path

import pymupdf
import pytest
from tests.scans import page_of, scanned, words

from rag_workloads.library.documents import ErrorCode
from rag_workloads.worker.pages import Page
from rag_workloads.worker.parser import Parser, TimeBudget

SECONDS = 3600
# Half of what a worker needs for a scan, as its resource says.
MEMORY = 1 << 30
ENGLISH = """<h1>Lighthouses</h1><p>The lighthouse of Hirtshals was lit for the first time on the sixth of
January 1863. Its tower is 35 metres high, and 144 steps lead to the lamp.</p>
<p>Visitors may climb it every day from nine to five, but for the winter months.</p>"""
CHINESE = """<h1>图书馆</h1>
<p>图书馆每天上午九点开放，晚上八点关闭。读者凭证可以借阅十本图书，期限为三十天。</p>
<p>逾期归还的，每天收取一元的费用。</p>"""


async def read(path: Path, *, ocr: bool) -> list[Page]:
    async with Parser(MEMORY, ocr=ocr).open(path, "application/pdf", TimeBudget(SECONDS)) as reading:
        return [await reading.read(number) for number in range(1, reading.pages + 1)]


@pytest.mark.parametrize(("html", "heading"), [(ENGLISH, "Lighthouses"), (CHINESE, "图书馆")])
async def test_nearly_all_words_of_a_scan_are_read_and_the_page_says_so(
    tmp_path: Path, html: str, heading: str
) -> None:
    source = page_of(html)
    (page,) = await read(scanned(source, tmp_path / "scan.pdf"), ocr=True)
    there = words(source[0].get_text())
    assert (there & words(page.text)).total() >= 0.95 * there.total()
    assert [note.code for note in page.notes] == [ErrorCode.PAGE_BY_OCR]
    assert page.warning is None
    assert [block.text for block in page.blocks if block.kind == "heading"] == [heading]


async def test_the_mark_of_a_scanner_keeps_no_scan_from_being_read(tmp_path: Path) -> None:
    with pymupdf.open(scanned(page_of(ENGLISH), tmp_path / "scan.pdf")) as pdf:
        pdf[0].insert_text((400, 830), "Scanned by a phone")
        pdf.save(tmp_path / "marked.pdf")
    (page,) = await read(tmp_path / "marked.pdf", ocr=True)
    assert "144 steps" in page.text
    (page,) = await read(tmp_path / "marked.pdf", ocr=False)
    assert page.text == "Scanned by a phone"


async def test_a_scan_is_left_unread_without_recognition(tmp_path: Path) -> None:
    (page,) = await read(scanned(page_of(ENGLISH), tmp_path / "scan.pdf"), ocr=False)
    assert (page.text, page.drawn, page.notes) == ("", True, ())


async def test_pages_with_text_and_blank_pages_are_not_recognised(tmp_path: Path) -> None:
    with page_of(ENGLISH) as pdf:
        pdf.new_page()
        pdf.save(tmp_path / "text.pdf")
    text, blank = await read(tmp_path / "text.pdf", ocr=True)
    assert "144 steps" in text.text
    assert (text.notes, blank.text, blank.drawn) == ((), "", False)
