"""Questions: a streamed answer, and each citation opened at its sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.visiting import ask, row, state, upload
from tests.documents import small_pdf

FACT = "The lighthouse of Hirtshals was lit for the first time on the sixth of January 1863."
QUESTION = "When was the lighthouse of Hirtshals lit?"
HOSTILE_NAME = "<img src=x onerror=hacked=1>.md"
HOSTILE = "The <b>harbour</b> of Skagen was <script>hacked = 1</script> opened on the 20th of October 1907."


def marked(page: Page) -> str:
    """All that is marked in the viewer, on one line."""
    page.locator("#viewer mark").first.wait_for()
    return " ".join("".join(page.locator("#viewer mark").all_text_contents()).split())


def test_a_citation_opens_the_pdf_at_its_page_with_its_sentence_marked(
    page: Page, tmp_path: Path, picture: Callable[[Page, str], None]
) -> None:
    filling = ["The sea was calm, and nothing else is said on this page."] * 11
    upload(page, small_pdf(tmp_path / "lighthouse.pdf", *filling, FACT, *filling))
    expect(state(page, "lighthouse.pdf")).to_have_text("Ready")
    ask(page, QUESTION)
    expect(page.locator("#answer")).not_to_be_empty()
    citation = page.get_by_role("button").filter(has_text=FACT).first
    expect(citation).to_contain_text("lighthouse.pdf, page 12")
    citation.click()
    assert marked(page) == FACT
    expect(page.locator("#viewer-page")).to_have_text("Page 12 of 23")
    expect(page.locator("#viewer mark").first).to_be_in_viewport()
    expect(page.locator("#viewer canvas")).to_be_visible()
    picture(page, "citation")

    page.get_by_role("button", name="Previous page").click()
    expect(page.locator("#viewer-page")).to_have_text("Page 11 of 23")
    expect(page.locator("#viewer mark")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    expect(citation).to_be_focused()


@pytest.mark.parametrize("name", ["lighthouse.txt", "lighthouse.md"])
def test_a_citation_opens_text_and_markdown(page: Page, tmp_path: Path, name: str) -> None:
    lines = [f"# Lighthouses\n\nLine {number}: the sea was calm.\n" for number in range(900)]
    text = tmp_path / name
    text.write_text("\n".join([*lines[:600], FACT.replace("first time", "first\ntime"), *lines[600:]]))
    upload(page, text)
    expect(state(page, name)).to_have_text("Ready")
    ask(page, QUESTION)
    page.get_by_role("button").filter(has_text=FACT).first.click()
    assert marked(page) == FACT
    expect(page.locator("#viewer mark").first).to_be_in_viewport()


def test_a_document_opens_from_the_list_too(page: Page, tmp_path: Path) -> None:
    upload(page, small_pdf(tmp_path / "lighthouse.pdf", FACT))
    row(page, "lighthouse.pdf").get_by_role("button", name="lighthouse.pdf", exact=True).click()
    expect(page.locator("#viewer .textLayer")).to_contain_text("Hirtshals")
    expect(page.locator("#viewer-pages")).to_be_hidden()


def test_markup_in_a_name_or_a_text_stays_text(open_page: OpenPage, tmp_path: Path) -> None:
    hostile = tmp_path / HOSTILE_NAME
    hostile.write_text(f"{HOSTILE}\n<img src=x onerror=hacked=1>")
    page = open_page()
    upload(page, hostile)
    expect(state(page, HOSTILE_NAME)).to_have_text("Ready")
    ask(page, "When was the harbour of Skagen opened?")
    citation = page.locator("#citations button").first
    expect(citation).to_contain_text("<script>hacked = 1</script>")
    expect(citation).to_contain_text(HOSTILE_NAME)
    citation.click()
    expect(page.locator("#viewer-name")).to_have_text(HOSTILE_NAME)
    expect(page.locator("#sheet")).to_contain_text("<img src=x onerror=hacked=1>")
    assert page.evaluate("globalThis.hacked") is None
    assert page.locator("img, main script, aside script, main b").count() == 0


def test_a_mark_of_the_answer_opens_what_it_points_at(page: Page, tmp_path: Path) -> None:
    upload(page, small_pdf(tmp_path / "lighthouse.pdf", FACT))
    expect(state(page, "lighthouse.pdf")).to_have_text("Ready")
    ask(page, QUESTION)
    mark = page.locator("#answer").get_by_role("button", name="[1]", exact=True).first
    mark.click()
    assert marked(page) == FACT
    page.keyboard.press("Escape")
    expect(mark).to_be_focused()


def test_a_failure_is_said_in_words(page: Page) -> None:
    page.route("**/api/v1/query", lambda route: route.abort())
    page.locator("nav a[href='#ask']").click()
    page.get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator("#notice-text")).to_have_text("The API does not answer. Is the connection lost?")


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("It was lit in 1863. It shone.", "It was lit in 1863.", [0, 14]),
        ("The light-\nhouse was of\n\nﬁne stone.", "The lighthouse was of fine stone.", [0, 27]),
        ("L'élan de la côte", "elan de la cote", [1, 13]),
        ("灯塔于1863年\n首次点亮。", "灯塔于1863年首次点亮。", [0, 12]),
        ("Page 7 first half of it here", "None of that, but first half of it here", [5, 22]),
        ("Nothing of the kind.", "An altogether different sentence.", None),
        ("Anything", "...", None),
    ],
)
def test_a_sentence_is_found_however_it_is_set(
    page: Page, text: str, quote: str, found: list[int] | None
) -> None:
    script = """async ([text, quote]) => {
      const { find, letters } = await import("/page/marking.js");
      return find(letters(text), letters(quote));
    }"""
    assert page.evaluate(script, [text, quote]) == found
