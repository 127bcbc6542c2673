"""The page for all: in two languages, by keyboard and screen reader, light and dark, on a phone."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from rag_workloads.api.page import STATIC
from tests.browser.conftest import OpenPage
from tests.browser.visiting import ask, state, upload
from tests.documents import small_pdf

FACT = "The lighthouse of Hirtshals was lit for the first time on the sixth of January 1863."
QUESTION = "When was the lighthouse of Hirtshals lit?"
PHONE = {"width": 360, "height": 740}


def test_the_browser_chooses_the_language_and_a_switch_changes_it(
    open_page: OpenPage, tmp_path: Path, picture: Callable[[Page, str], None]
) -> None:
    page = open_page(locale="zh-CN", color_scheme="dark")
    expect(page.get_by_role("heading", level=1)).to_have_text("文档与问答")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    broken = tmp_path / "灯塔.pdf"
    broken.write_bytes(b"%PDF-1.7\n")
    upload(page, broken, small_pdf(tmp_path / "lighthouse.pdf", FACT))
    expect(state(page, "灯塔.pdf")).to_have_text("失败")
    expect(state(page, "lighthouse.pdf")).to_have_text("已就绪")
    picture(page, "chinese-dark")
    page.get_by_label("语言").select_option("en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Documents and questions")
    expect(state(page, "灯塔.pdf")).to_have_text("Failed")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Documents and questions")


def test_both_languages_say_the_same() -> None:
    english, chinese = (json.loads((STATIC / f"{tag}.json").read_text()) for tag in ("en", "zh-CN"))
    assert english.keys() == chinese.keys()
    assert {key: _values(text) for key, text in english.items()} == {
        key: _values(text) for key, text in chinese.items()
    }


def _values(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", text))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 900}], ids=["phone", "desktop"])
def test_axe_finds_nothing_serious(
    open_page: OpenPage, tmp_path: Path, scheme: str, viewport: dict[str, int]
) -> None:
    page = open_page(color_scheme=scheme, viewport=viewport)
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\n")
    upload(page, broken, small_pdf(tmp_path / "lighthouse.pdf", FACT))
    expect(state(page, "broken.pdf")).to_have_text("Failed")
    expect(state(page, "lighthouse.pdf")).to_have_text("Ready")
    assert _serious(page) == []
    ask(page, QUESTION)
    page.locator("#citations button").first.click()
    page.locator("#viewer mark").first.wait_for()
    assert _serious(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Queues and workers").click()
    expect(page.locator("#charts svg")).to_have_count(3)
    assert _serious(page) == []


def _serious(page: Page) -> list[object]:
    found = Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"]) for each in found if each["impact"] in ("serious", "critical")]


def test_a_phone_shows_all_without_scrolling_sideways(
    open_page: OpenPage, tmp_path: Path, picture: Callable[[Page, str], None]
) -> None:
    page = open_page(viewport=PHONE)
    upload(page, small_pdf(tmp_path / f"{'lighthouse-' * 12}.pdf", FACT))
    expect(page.locator("#list > li[data-state=completed]")).to_have_count(1)
    ask(page, QUESTION)
    assert _fits(page)
    page.locator("#citations button").first.click()
    page.locator("#viewer mark").first.wait_for()
    assert _fits(page)
    picture(page, "phone")


def _fits(page: Page) -> bool:
    fits: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return fits


def test_all_can_be_done_by_keyboard(page: Page, api: httpx.Client) -> None:
    file = {"file": ("lighthouse.txt", FACT)}
    api.post("/api/v1/documents/upload", files=file).raise_for_status()
    expect(state(page, "lighthouse.txt")).to_have_text("Ready")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for name in ("Documents", "Ask"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#ask-title")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.locator("#answered[aria-busy=false]").wait_for()
    page.locator("#citations button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#viewer-name")).to_be_focused()
    expect(page.locator("#viewer mark")).to_have_text(FACT)
    page.keyboard.press("Escape")
    expect(page.locator("#citations button").first).to_be_focused()
