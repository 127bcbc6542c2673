"""The pipeline, the browser, and a page of it that must load nothing from elsewhere and break nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from demo.paths import QUICKSTART
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.chromium import chromium
from tests.integration.service_process import running
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

DESKTOP = {"width": 1280, "height": 900}


class Local(NamedTuple):
    """A pipeline of local processes: its URL, and the folder of what it stores."""

    url: str
    folder: Path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, help="the folder to which the tests write pictures")


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """The pipeline that `make local` runs."""
    folder = tmp_path_factory.mktemp("local")
    url = f"http://127.0.0.1:{(port := free_port())}"
    options = ("-f", str(QUICKSTART), "--state-dir", str(folder), "--port", str(port))
    with running("rag_operator.local", *options, env={}, probe=f"{url}/ready"):
        yield Local(url, folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with chromium() as browser:
        yield browser


@pytest.fixture
def api(local: Local) -> Iterator[httpx.Client]:
    """A client of the API, which has no documents before and after."""
    with httpx.Client(base_url=local.url, timeout=PATIENCE_SECONDS) as client:
        yield client
        for document in client.get("/api/v1/documents", params={"limit": 1000}).json()["documents"]:
            client.delete(f"/api/v1/documents/{document['document_id']}").raise_for_status()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, local: Local, api: httpx.Client) -> Iterator[OpenPage]:
    """Opens the page in a window of its own; whatever the browser refuses or fails at ends the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(path: str = "/", url: str = local.url, **options: object) -> Page:
        context = browser.new_context(base_url=url, **{"locale": "en-GB", "viewport": DESKTOP} | options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said.text) else None)
        page.on(
            "request", lambda request: complaints.append(request.url) if _elsewhere(request, url) else None
        )
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _is_complaint(said: str) -> bool:
    return "Content Security Policy" in said or "Trusted" in said


def _elsewhere(request: Request, url: str) -> bool:
    return not request.url.startswith((url, "blob:", "data:"))


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The page on a desktop, in English."""
    return open_page()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Writes a picture of a page, if somebody wants pictures."""
    folder: Path | None = request.config.getoption("--screenshots")

    def take(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=folder / f"{name}.png")

    return take
