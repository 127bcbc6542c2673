"""Pages as a scanner makes them: pictures, with no text behind."""

import re
from collections import Counter
from pathlib import Path

import pymupdf

DPI = 150
WORDS = re.compile(r"[\u4e00-\u9fff]|[A-Za-z0-9]+")


def scanned(source: pymupdf.Document, path: Path) -> Path:
    """Writes the pages of a PDF as pictures of them."""
    with pymupdf.open() as pdf:
        for number in range(source.page_count):
            page = source[number]
            pixels = page.get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY)
            scan = pdf.new_page(width=page.rect.width, height=page.rect.height)
            scan.insert_image(scan.rect, stream=pixels.tobytes("jpeg"))
        pdf.save(path)
    return path


def page_of(html: str) -> pymupdf.Document:
    """A PDF of one page with this on it."""
    pdf = pymupdf.open()
    pdf.new_page().insert_htmlbox((72, 72, 523, 770), html)
    return pdf


def words(text: str) -> Counter[str]:
    """How often each word is in a text, and each Chinese character."""
    return Counter(WORDS.findall(text))
