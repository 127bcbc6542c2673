"""What changes while somebody looks at it: a file before it is sent, a document that is shown, the list."""

import os
import re
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.browser.test_ask import FACT, QUESTION
from tests.browser.visiting import ask, row, state, upload
from tests.documents import small_pdf
from tests.patience import eventually

BEFORE, AFTER = "The harbour of Skagen is old.", "The harbour of Skagen is new."


def sent(api: httpx.Client, file: Path) -> None:
    """Takes in a file by the API, as `place`, and waits until searches find it."""
    with file.open("rb") as content:
        answer = api.post(
            "/api/v1/documents/upload", files={"file": (file.name, content)}, data={"document_id": "place"}
        )
    task = answer.raise_for_status().json()["task_id"]
    path = f"/api/v1/documents/upload/status/{task}"
    eventually(lambda: api.get(path).raise_for_status().json()["status"] == "completed")


def opened(page: Page, name: str) -> None:
    """Opens a document from the list."""
    row(page, name).get_by_role("button", name=name, exact=True).click()


def test_a_file_that_has_changed_since_it_was_chosen_is_not_sent_for_ever(page: Page, tmp_path: Path) -> None:
    (file := tmp_path / "log.txt").write_text(BEFORE)
    page.context.set_offline(True)
    upload(page, file)
    expect(page.locator("#uploads .state")).to_have_text("Connection lost; will be sent again")
    file.write_text(f"{BEFORE} {AFTER}")
    os.utime(file, (1, 1))
    page.context.set_offline(False)
    expect(page.locator("#uploads .state")).to_contain_text("No file that can be read")


def test_an_upload_whose_document_is_gone_ends(page: Page, api: httpx.Client, tmp_path: Path) -> None:
    page.route(re.compile("/documents/(?!upload)"), lambda route: route.abort())
    (file := tmp_path / "harbour.txt").write_text(BEFORE)
    page.route("**/api/v1/events", lambda route: route.abort())
    page.reload()
    upload(page, file)
    eventually(lambda: api.get("/api/v1/documents").json()["counts"].get("completed") == 1)
    (document,) = api.get("/api/v1/documents").json()["documents"]
    api.delete(f"/api/v1/documents/{document['document_id']}").raise_for_status()
    page.unroute_all()
    expect(page.locator("#uploads .state")).to_have_text("Deleted")


def test_a_document_that_was_replaced_is_shown_anew(page: Page, api: httpx.Client, tmp_path: Path) -> None:
    sent(api, small_pdf(tmp_path / "harbour.pdf", BEFORE, BEFORE))
    opened(page, "harbour.pdf")
    expect(page.locator("#viewer .textLayer")).to_contain_text(BEFORE)
    sent(api, small_pdf(tmp_path / "harbour.pdf", AFTER, AFTER, AFTER))
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("#viewer .textLayer")).to_contain_text(AFTER)
    expect(page.locator("#viewer-page")).to_have_text("Page 2 of 3")


def test_a_document_that_was_deleted_says_so_when_a_page_is_turned(
    page: Page, api: httpx.Client, tmp_path: Path
) -> None:
    sent(api, small_pdf(tmp_path / "harbour.pdf", BEFORE, AFTER))
    opened(page, "harbour.pdf")
    expect(page.locator("#viewer .textLayer")).to_contain_text(BEFORE)
    api.delete("/api/v1/documents/place").raise_for_status()
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("#viewer-status")).to_contain_text("The document cannot be shown")


def test_a_cited_page_that_is_gone_is_told_of(page: Page, api: httpx.Client, tmp_path: Path) -> None:
    sent(api, small_pdf(tmp_path / "lighthouse.pdf", BEFORE, BEFORE, FACT))
    ask(page, QUESTION)
    sent(api, small_pdf(tmp_path / "lighthouse.pdf", BEFORE))
    page.get_by_role("button").filter(has_text=FACT).first.click()
    expect(page.locator("#viewer-status")).to_have_text("The sentence was not found on this page.")
    expect(page.locator("#viewer .textLayer")).to_contain_text(BEFORE)


def test_buttons_are_named_by_what_the_file_is_called_now(
    page: Page, api: httpx.Client, tmp_path: Path
) -> None:
    for name in ("first.txt", "second.txt"):
        (file := tmp_path / name).write_text(name)
        sent(api, file)
        expect(state(page, name)).to_have_text("Ready")
        expect(row(page, name).get_by_role("button", name=f"Delete: {name}")).to_be_visible()


def test_events_without_end_do_not_keep_the_list_from_being_read(page: Page) -> None:
    calls = page.evaluate("""async () => {
      const { steadily, pause } = await import("/page/dom.js");
      let calls = 0;
      const call = steadily(20, async () => { calls += 1; await pause(50); });
      while (calls < 3) { call(); await pause(5); }
      return calls;
    }""")
    assert calls == 3
