"""Queues and workers, as the pipeline tells of them."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Local
from tests.browser.processes import stopped
from tests.browser.visiting import state, upload, view
from tests.documents import small_pdf

FACT = "The lighthouse of Hirtshals was lit for the first time on the sixth of January 1863."


def test_what_waits_is_shown_until_it_is_done(
    page: Page, local: Local, tmp_path: Path, picture: Callable[[Page, str], None]
) -> None:
    with stopped("rag_workloads.embedding", local.folder):
        upload(page, small_pdf(tmp_path / "lighthouse.pdf", FACT))
        view(page, "Queues and workers")
        expect(page.locator("#embed-entries")).to_contain_text("lighthouse.pdf")
        expect(page.locator("#charts svg")).to_have_count(3)
        expect(page.locator("#workers tbody tr")).not_to_have_count(0)
        picture(page, "queues")
    expect(page.locator("#embed-entries")).to_be_hidden()
    view(page, "Documents")
    expect(state(page, "lighthouse.pdf")).to_have_text("Ready")
