"""Prints documents by Chromium, until there are enough pages."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import count
from pathlib import Path

import pymupdf
from playwright.sync_api import Browser

from tests.bench.parsing.documents import Document, Truth
from tests.bench.parsing.prose import fonts, prose
from tests.browser.chromium import chromium

HEADER = '<div style="font-size:8px;width:100%;padding:0 15mm">{}</div>'
FOOTER = '<div style="font-size:8px;width:100%;text-align:center"><span class=pageNumber></span></div>'


def printed(folder: Path, pages: int) -> list[tuple[Path, list[Truth]]]:
    """Returns documents of so many pages together, or a few more, and what is true of each; each fourth
    is Chinese.

    Beside each stands its truth as JSON.
    """
    texts = {language: asyncio.run(prose(language)) for language in ("en", "zh")}
    addresses = {weight: file.as_uri() for weight, file in asyncio.run(fonts()).items()}
    made: list[tuple[Path, list[Truth]]] = []
    with chromium() as browser:
        for number in count():
            document = Document(number, texts["zh" if number % 4 == 3 else "en"])
            path = _print(browser, document, addresses, folder / f"{number:02}.pdf")
            made.append((path, document.truth))
            path.with_suffix(".json").write_text(json.dumps([asdict(block) for block in document.truth]))
            with pymupdf.open(path) as pdf:
                pages -= pdf.page_count
            if pages <= 0:
                return made
    raise AssertionError("unreachable")


def _print(browser: Browser, document: Document, fonts: Mapping[int, str], path: Path) -> Path:
    source = path.with_suffix(".html")
    source.write_text(document.html(fonts))
    page = browser.new_page()
    page.goto(source.as_uri())
    page.pdf(
        path=path,
        format="A4",
        margin={"top": "22mm", "bottom": "20mm", "left": "18mm", "right": "18mm"},
        display_header_footer=document.style.running,
        header_template=HEADER.format(document.title),
        footer_template=FOOTER,
        tagged=False,
    )
    page.close()
    return path
