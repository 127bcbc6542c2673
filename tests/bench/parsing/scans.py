"""How many words text recognition reads, and how fast: of the printed pages as a scanner makes them."""

import time
from collections.abc import Sequence
from pathlib import Path

import pymupdf

from rag_workloads.worker.pdf import PdfPages
from tests.scans import scanned, words


def recognition(documents: Sequence[Path]) -> dict[str, float]:
    """Returns the share of words that are read, and pages a second of one core."""
    there = read = pages = 0
    seconds = 0.0
    for path in documents:
        with pymupdf.open(path) as source:
            scan = PdfPages(scanned(source, path.with_suffix(".scan.pdf")))
            for index in range(len(scan)):
                expected = words(source[index].get_text())
                start = time.process_time()
                page = scan.recognize(index)
                seconds += time.process_time() - start
                there += expected.total()
                read += (expected & words(page.text)).total()
                pages += 1
    return {"ocr_words": round(read / there, 3), "ocr_pages_per_second": round(pages / seconds, 2)}
