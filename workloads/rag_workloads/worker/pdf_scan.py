"""Pages of a PDF that are pictures of text, as scanners make them, read by text recognition (OCR)."""

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from statistics import median_low

import numpy as np
import pymupdf

from rag_workloads.library.documents import ErrorCode, PageWarning
from rag_workloads.worker.pages import Page
from rag_workloads.worker.pdf_blocks import page_blocks
from rag_workloads.worker.pdf_headings import types_of
from rag_workloads.worker.pdf_lines import Line
from rag_workloads.worker.wide_lines import columns

# Only an image of its own has it.
RECOGNITION = "rag_workloads.ocr.recognition"
# Pixels a point: letters are some 16 pixels high. They may be narrower, and each pixel's width costs time.
ACROSS, DOWN = 1.2, 1.7
# However large a page is, so many pixels a side at most.
MOST_PIXELS = 3_000
# How high the box of a line is in sizes of its type, and by how much letters are wider in a size of its own.
BOX, WIDER = 1.25, 1.35


def recognized(page: pymupdf.Page, number: int) -> Page:
    """What can be read of the picture that a page is."""
    recognition = import_module(RECOGNITION)
    bound = MOST_PIXELS / max(page.rect.width, page.rect.height)
    across, down = min(ACROSS, bound), min(DOWN, bound)
    pixels = page.get_pixmap(matrix=pymupdf.Matrix(across, down), colorspace=pymupdf.csRGB)
    picture = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3)
    found = (
        Line(text, x0 / across, y0 / down, x1 / across, y1 / down, size=0)
        for text, x0, y0, x1, y1 in recognition.recognize(picture)
    )
    lines = _sized([line for line in found if line.text.strip()])
    blocks = tuple(page_blocks(lines, (), types_of([(number, lines)], []), number))
    if not blocks:
        return Page()
    message = f"Page {number} is a picture; its text was recognised (OCR), and may have mistakes."
    return Page(blocks, notes=(PageWarning(page=number, code=ErrorCode.PAGE_BY_OCR, message=message),))


def _sized(lines: list[Line]) -> list[Line]:
    """The lines with the sizes of their type: most have that of the page.

    How high a box is says little, as it depends on which letters are in it. How wide they are on the mean
    does not.
    """
    if not lines:
        return []
    body = _usual((line.y1 - line.y0, line) for line in lines) / BOX
    usual = _usual((_width(line), line) for line in lines)
    sized = []
    for line in lines:
        wider = _width(line) / usual
        size = body * wider if wider >= WIDER else body
        sized.append(replace(line, y0=line.middle - size / 2, y1=line.middle + size / 2, size=size))
    return sized


def _width(line: Line) -> float:
    """How wide a letter is."""
    return (line.x1 - line.x0) / columns(line.text)


def _usual(measures: Iterable[tuple[float, Line]]) -> float:
    """What half of all letters have at most."""
    return median_low([measure for measure, line in measures for _ in line.text])
