"""Text of a PDF's page that no reader sees: not drawn, too small, or of the color of what is behind it.

What is off the page, MuPDF leaves out by itself. Text that is not drawn over a picture of the whole page is
what text recognition found in the picture, and is wanted.
"""

from functools import cached_property
from typing import Any

import pymupdf

# In points.
LEAST_SIZE = 1.5
# A color of which every part is so bright may be that of the paper.
BRIGHT = 0xE0
# By how much parts of colors differ that look the same.
SAME_COLOR = 12
# How much of a page a picture covers that is a scan of it.
SCAN_SHARE = 0.6
# What MuPDF says of a character that is drawn, by filling its outline or by a line around it.
DRAWN = pymupdf.mupdf.FZ_STEXT_FILLED | pymupdf.mupdf.FZ_STEXT_STROKED

Span = dict[str, Any]


class Visibility:
    """Tells which of a page's spans are seen, and counts the characters of the others."""

    def __init__(self, page: pymupdf.Page) -> None:
        self._page = page
        self.hidden = 0

    def seen(self, spans: list[Span]) -> list[Span]:
        """Those that a reader sees."""
        seen = [span for span in spans if not span["text"].strip() or self._is_seen(span)]
        left_out = sum(len("".join(span["text"].split())) for span in spans)
        self.hidden += left_out - sum(len("".join(span["text"].split())) for span in seen)
        return seen

    def _is_seen(self, span: Span) -> bool:
        if span["size"] < LEAST_SIZE:
            return False
        if not span["char_flags"] & DRAWN or span["alpha"] == 0:
            return self._is_on_picture
        color = span["color"]
        bright = all(color >> shift & 0xFF >= BRIGHT for shift in (0, 8, 16))
        return not bright or self._stands_out(span["bbox"])

    @cached_property
    def _is_on_picture(self) -> bool:
        return is_scan(self._page)

    def _stands_out(self, box: tuple[float, float, float, float]) -> bool:
        """Whether anything is to be seen where a span is drawn."""
        pixels = self._pixels
        where = pymupdf.Rect(box).irect & pixels.irect
        if where.is_empty:
            return False
        part = pymupdf.Pixmap(pixels.colorspace, where, False)
        part.copy(pixels, where)
        return max(part.samples) - min(part.samples) > SAME_COLOR

    @cached_property
    def _pixels(self) -> pymupdf.Pixmap:
        return self._page.get_pixmap(colorspace=pymupdf.csRGB, annots=False)


def is_scan(page: pymupdf.Page) -> bool:
    """Whether a picture covers a page."""
    whole = abs(page.rect)
    pictures = (pymupdf.Rect(box) & page.rect for kind, box in page.get_bboxlog() if kind == "fill-image")
    return any(abs(picture) >= SCAN_SHARE * whole for picture in pictures)
