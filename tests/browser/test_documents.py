"""Documents: taken in, followed, failed, tried again, found, and deleted."""

from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import Local, OpenPage
from tests.browser.processes import stopped
from tests.browser.visiting import row, state, upload
from tests.documents import small_pdf

LIGHTHOUSE = "The lighthouse of Hirtshals was lit for the first time on the sixth of January 1863."
# All that is ever said of the first file that is uploaded.
RECORD_STATES = """
  globalThis.said = [];
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes)
      if (target.matches?.("#uploads .state")) said.push(...[...addedNodes].map((node) => node.textContent));
  }).observe(document.querySelector("#uploads"), { childList: true, subtree: true });
"""


def test_files_are_followed_by_stage_from_the_first_byte_to_the_last(
    page: Page, local: Local, tmp_path: Path
) -> None:
    pdf = small_pdf(tmp_path / "lighthouse.pdf", *[f"Page {number}. {LIGHTHOUSE}" for number in range(40)])
    page.evaluate(RECORD_STATES)
    with stopped("rag_workloads.worker", local.folder):
        upload(page, pdf)
        expect(page.locator("#uploads .state")).to_have_text("Waiting")
        expect(state(page, "lighthouse.pdf")).to_have_text("Waiting")
    expect(page.locator("#uploads .state")).to_have_text("Ready")
    expect(state(page, "lighthouse.pdf")).to_have_text("Ready")
    expect(row(page, "lighthouse.pdf")).to_contain_text("40 pages")
    said = page.evaluate("said")
    assert set(said) >= {"Waiting", "Reading the pages", "Embedding", "Ready"}
    page.get_by_role("button", name="Clear those that ended").click()
    expect(page.locator("#uploading")).to_be_hidden()


def test_many_files_are_dropped_at_once(page: Page) -> None:
    page.evaluate(
        """() => {
          const dropped = new DataTransfer();
          for (let number = 0; number < 12; number += 1)
            dropped.items.add(new File([`Ship ${number} left the harbour at noon.`], `ship-${number}.txt`));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true }));
        }"""
    )
    expect(page.locator("#uploads > li[data-state=completed]")).to_have_count(12)
    expect(page.get_by_role("button", name="Ready 12")).to_be_visible()


def test_what_failed_says_why_and_is_tried_again(
    page: Page, local: Local, tmp_path: Path, picture: Callable[[Page, str], None]
) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nNothing of a PDF follows.\n")
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"  \n")
    upload(page, broken, empty, small_pdf(tmp_path / "lighthouse.pdf", LIGHTHOUSE))
    expect(state(page, "broken.pdf")).to_have_text("Failed")
    expect(state(page, "empty.txt")).to_have_text("Failed")
    expect(state(page, "lighthouse.pdf")).to_have_text("Ready")
    expect(row(page, "broken.pdf")).to_contain_text("The PDF cannot be opened.")
    expect(row(page, "broken.pdf").locator(".hint")).not_to_be_empty()
    expect(row(page, "empty.txt").get_by_role("button", name="Try again")).to_have_count(0)
    picture(page, "failed")

    mended = small_pdf(tmp_path / "mended.pdf", LIGHTHOUSE).read_bytes()
    _stored(local, broken.read_bytes()).write_bytes(mended)
    row(page, "broken.pdf").get_by_role("button", name="Try again").click()
    expect(state(page, "broken.pdf")).to_have_text("Ready")
    expect(state(page, "empty.txt")).to_have_text("Failed")


def test_all_that_failed_alike_are_tried_again(page: Page, local: Local, tmp_path: Path) -> None:
    files = []
    for number in range(3):
        files.append(tmp_path / f"broken-{number}.pdf")
        files[-1].write_bytes(b"%PDF-1.7\nNothing of a PDF follows." + b"\n" * number)
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"  \n")
    upload(page, *files, empty)
    expect(page.get_by_role("button", name="Failed 4")).to_be_visible()
    mended = small_pdf(tmp_path / "mended.pdf", LIGHTHOUSE).read_bytes()
    for file in files:
        _stored(local, file.read_bytes()).write_bytes(mended)

    row(page, "broken-0.pdf").get_by_role("button", name="Damaged PDF").click()
    expect(page.locator("#list > li")).to_have_count(3)
    page.get_by_role("button", name="Try all of these again").click()
    expect(page.locator("#notice-text")).to_have_text("Tried again: 3")
    page.get_by_role("button", name="All 4").click()
    expect(page.locator("#list > li[data-state=completed]")).to_have_count(3)
    expect(state(page, "empty.txt")).to_have_text("Failed")


def test_work_is_cancelled_and_documents_are_deleted(page: Page, local: Local, tmp_path: Path) -> None:
    with stopped("rag_workloads.worker", local.folder):
        upload(page, small_pdf(tmp_path / "lighthouse.pdf", LIGHTHOUSE))
        row(page, "lighthouse.pdf").get_by_role("button", name="Cancel").click()
        expect(state(page, "lighthouse.pdf")).to_have_text("Cancelled")
    row(page, "lighthouse.pdf").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="No").click()
    expect(row(page, "lighthouse.pdf")).to_be_visible()
    row(page, "lighthouse.pdf").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    expect(row(page, "lighthouse.pdf")).to_have_count(0)
    expect(page.get_by_text("There are no such documents.")).to_be_visible()


def test_documents_are_found_by_name_and_turned_page_by_page(
    open_page: OpenPage, api: httpx.Client, picture: Callable[[Page, str], None]
) -> None:
    for number in range(60):
        file = (f"Report {number:02}.txt", f"The harbour took in {number} ships in that year.")
        api.post("/api/v1/documents/upload", files={"file": file}).raise_for_status()
    page = open_page()
    expect(page.locator("#list > li")).to_have_count(50)
    page.get_by_role("button", name="Older").click()
    expect(page.locator("#list > li")).to_have_count(10)
    expect(page.locator("#page-number")).to_have_text("Page 2")
    page.get_by_role("button", name="Newer").click()
    expect(page.locator("#list > li")).to_have_count(50)
    expect(page.get_by_role("button", name="Ready 60")).to_be_visible()
    picture(page, "documents")
    page.get_by_label("Name").fill("report 1")
    expect(page.locator("#list > li")).to_have_count(10)


def _stored(local: Local, content: bytes) -> Path:
    """Where the pipeline keeps a file of this content."""
    small = (
        path for path in local.folder.rglob("*") if path.is_file() and path.stat().st_size == len(content)
    )
    return next(path for path in small if path.read_bytes() == content)
