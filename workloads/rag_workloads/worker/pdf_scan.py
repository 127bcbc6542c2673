"""Pages of a PDF that are pictures of text, as scanners make them, read by text recognition (OCR)."""

from importlib import import_module

import numpy as np
import pymupdf

from rag_workloads.library.documents import ErrorCode, PageWarning
from rag_workloads.worker.pages import Page
from rag_workloads.worker.pdf_blocks import page_blocks
from rag_workloads.worker.pdf_headings import Types
from rag_workloads.worker.pdf_lines import Line

# Only an image of its own has it.
RECOGNITION = "rag_workloads.ocr.recognition"
# Pixels a point: letters are some 16 pixels high. They may be narrower, and each pixel's width costs time.
ACROSS, DOWN = 1.2, 1.7
# However large a page is, so many pixels a side at most.
MOST_PIXELS = 3_000


def recognized(page: pymupdf.Page, number: int) -> Page:
    """What can be read of the picture that a page is."""
    recognition = import_module(RECOGNITION)
    bound = MOST_PIXELS / max(page.rect.width, page.rect.height)
    across, down = min(ACROSS, bound), min(DOWN, bound)
    pixels = page.get_pixmap(matrix=pymupdf.Matrix(across, down), colorspace=pymupdf.csRGB)
    picture = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3)
    lines = [
        Line(text, x0 / across, y0 / down, x1 / across, y1 / down, size=(y1 - y0) / down)
        for text, x0, y0, x1, y1 in recognition.recognize(picture)
    ]
    blocks = tuple(page_blocks(lines, (), Types(), number))
    if not blocks:
        return Page()
    message = f"Page {number} is a picture; its text was recognised (OCR), and may have mistakes."
    return Page(blocks, notes=(PageWarning(page=number, code=ErrorCode.PAGE_BY_OCR, message=message),))
