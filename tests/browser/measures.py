"""How quick the page is: a citation's sentence on the screen, and the list of a large library.

Plain functions, for a thread that runs no event loop: Playwright has its own.
"""

import asyncio
import tempfile
from pathlib import Path

import httpx
import pymupdf
from demo import corpus
from demo.paths import QUICKSTART
from playwright.sync_api import Browser, Page

from rag_workloads.jobs.queue import Queue
from rag_workloads.library.records import Records
from tests.browser.chromium import chromium
from tests.browser.visiting import ask
from tests.integration.api_process import lone_api
from tests.integration.redis_process import redis_process
from tests.integration.service_process import running
from tests.lists import fill
from tests.patience import PATIENCE_SECONDS, eventually
from tests.ports import free_port

PIPELINE = "bench"
RECORDS = 100_000
PAGES = 300
TIMES = 5
QUESTION = "Which function opens a connection to a compressed file?"
# Each leaves the milliseconds in `measured` once the browser has painted what the first frame has after it.
PAINTED = """
  globalThis.painted = (seen, since) => new Promise((resolve) => {
    const look = () => {
      if (!seen()) return requestAnimationFrame(look);
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - since())));
    };
    requestAnimationFrame(look);
  });
"""
FIRST_ROW = f"{PAINTED} globalThis.measured = painted(() => document.querySelector('#list > li'), () => 0);"
# A function, so that its caller does not wait for what is measured.
CITATION = """() => {
  let clicked;
  addEventListener("click", () => (clicked = performance.now()), { capture: true, once: true });
  const marked = () => document.querySelector("#viewer mark")?.getBoundingClientRect();
  const seen = () => marked()?.top < innerHeight && document.querySelector("#viewer-status").textContent;
  globalThis.measured = painted(seen, () => clicked);
}"""


def citation_to_marked_page_ms() -> float:
    """From a click at a citation of a PDF of 300 pages to its sentence marked on the screen: the longest."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with tempfile.TemporaryDirectory() as name:
        pdf = _first_pages(asyncio.run(corpus.r_manual()), Path(name) / "reference.pdf")
        options = ("-f", str(QUICKSTART), "--state-dir", f"{name}/state", "--port", str(port))
        with running("rag_operator.local", *options, env={}, probe=f"{url}/ready"), chromium() as browser:
            _ingest(url, pdf)
            return max(_click(browser, url) for _ in range(TIMES))


def list_100k_first_paint_ms(records: int = RECORDS) -> float:
    """From the navigation to the first painted row of 100,000 documents: the longest."""
    with (
        redis_process() as redis,
        lone_api(PIPELINE=PIPELINE, REDIS_URL=redis.connection_url, STORAGE_URL="memory:///") as url,
    ):
        asyncio.run(_fill(redis.connection_url, records))
        with chromium() as browser:
            return max(_open(browser, url) for _ in range(TIMES))


def _first_pages(manual: Path, path: Path) -> Path:
    with pymupdf.open(manual) as source, pymupdf.open() as part:
        part.insert_pdf(source, to_page=PAGES - 1, links=False)
        part.save(path, garbage=3, deflate=True)
    return path


def _ingest(url: str, pdf: Path) -> None:
    with httpx.Client(base_url=url, timeout=PATIENCE_SECONDS) as api:
        sent = api.post("/api/v1/documents/upload", files={"file": pdf.open("rb")}).raise_for_status().json()
        path = f"/api/v1/documents/{sent['document_id']}"
        eventually(lambda: api.get(path).raise_for_status().json()["state"] == "completed")


def _click(browser: Browser, url: str) -> float:
    page = _new_page(browser, url)
    page.add_init_script(PAINTED)
    page.goto("/")
    ask(page, QUESTION)
    page.evaluate(CITATION)
    page.locator("#citations button").first.click()
    return _measured(page)


def _open(browser: Browser, url: str) -> float:
    page = _new_page(browser, url)
    page.add_init_script(FIRST_ROW)
    page.goto("/")
    return _measured(page)


def _new_page(browser: Browser, url: str) -> Page:
    context = browser.new_context(base_url=url, locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    return context.new_page()


def _measured(page: Page) -> float:
    milliseconds: float = page.evaluate("globalThis.measured")
    page.context.close()
    return round(milliseconds, 1)


async def _fill(redis_url: str, count: int) -> None:
    queue = Queue.open(redis_url, PIPELINE)
    await fill(Records(queue.redis, PIPELINE), count)
    await queue.close()
