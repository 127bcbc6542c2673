"""A lost connection is shown, found again, and nothing is missed meanwhile; a key is asked for."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.visiting import state
from tests.integration.api_process import lone_api
from tests.integration.redis_process import redis_process
from tests.patience import eventually

KEY = "the-key"


def test_a_lost_connection_is_shown_and_found_again(page: Page, api: httpx.Client) -> None:
    connection = page.locator("#connection")
    expect(connection).to_have_text("Live")
    page.context.set_offline(True)
    expect(connection).to_have_text("Connection lost; trying again")
    file = {"file": ("harbour.txt", "The harbour was opened in 1907.")}
    api.post("/api/v1/documents/upload", files=file).raise_for_status()
    page.context.set_offline(False)
    expect(connection).to_have_text("Live")
    expect(state(page, "harbour.txt")).to_have_text("Ready")


def test_a_document_that_ended_before_the_events_began_is_shown(page: Page, api: httpx.Client) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/events", hold)
    page.reload()
    expect(page.get_by_text("There are no such documents.")).to_be_visible()
    file = {"file": ("harbour.txt", "The harbour was opened in 1907.")}
    sent = api.post("/api/v1/documents/upload", files=file).raise_for_status().json()
    path = f"/api/v1/documents/{sent['document_id']}"
    eventually(lambda: api.get(path).raise_for_status().json()["state"] == "completed")
    assert held
    page.unroute("**/api/v1/events")  # which lets go of what is held
    expect(state(page, "harbour.txt")).to_have_text("Ready")


def test_an_upload_goes_on_once_the_connection_is_found(page: Page) -> None:
    expect(page.locator("#connection")).to_have_text("Live")
    page.context.set_offline(True)
    file = {"name": "harbour.txt", "mimeType": "text/plain", "buffer": b"The harbour was opened in 1907."}
    page.locator("#files").set_input_files(file)  # type: ignore[arg-type]
    expect(page.locator("#uploads .state")).to_have_text("Connection lost; will be sent again")
    page.context.set_offline(False)
    expect(page.locator("#uploads .state")).to_have_text("Ready")


@pytest.fixture
def locked() -> Iterator[str]:
    """An API that asks for a key."""
    with redis_process() as redis:
        settings = {"STORAGE_URL": "memory:///", "REDIS_URL": redis.connection_url, "API_KEY": KEY}
        with lone_api(**settings) as url:
            yield url


def test_a_key_is_asked_for_and_kept_for_the_session_only(open_page: OpenPage, locked: str) -> None:
    page = open_page(url=locked)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("The API asks for a key").fill("another")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_contain_text("This key was not accepted.")
    dialog.get_by_label("The API asks for a key").fill(KEY)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("There are no such documents.")).to_be_visible()
    expect(page.locator("#connection")).to_have_text("Live")
    page.reload()
    expect(page.get_by_text("There are no such documents.")).to_be_visible()
    assert KEY in page.evaluate("Object.values(sessionStorage)")
    assert KEY not in page.evaluate("Object.values(localStorage)")
    assert page.context.cookies() == []


def test_the_question_for_a_key_stays_until_one_is_given_that_can_be_sent(
    open_page: OpenPage, locked: str
) -> None:
    page = open_page(url=locked)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Escape")
    dialog.get_by_label("The API asks for a key").fill("schlüssel-密")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    dialog.get_by_label("The API asks for a key").fill(KEY)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#connection")).to_have_text("Live")
