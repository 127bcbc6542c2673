"""What a person does on the page, and sees."""

from pathlib import Path

from playwright.sync_api import Locator, Page


def view(page: Page, name: str) -> None:
    """Go to another view by its link."""
    page.get_by_role("navigation").get_by_role("link", name=name).click()


def upload(page: Page, *files: Path) -> None:
    """Choose files."""
    page.locator("#files").set_input_files(files)


def row(page: Page, name: str) -> Locator:
    """A document in the list, by the name of its file."""
    return page.locator("#list > li").filter(has=page.get_by_role("button", name=name, exact=True))


def state(page: Page, name: str) -> Locator:
    """What the list says of a document."""
    return row(page, name).locator(".state")


def ask(page: Page, question: str) -> None:
    """Ask a question in the view for it, and wait for the answer's end."""
    view(page, "Ask")
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator("#answered[aria-busy=false]").wait_for()
