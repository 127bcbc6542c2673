"""Many small documents cut from real PDFs: Debian's policy manual and the reference of the language R."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pymupdf
from demo import corpus
from demo.paths import CACHE

PAGES = 2
# A page with less text than this says too little to be found again.
LEAST_CHARACTERS = 200
PREFIX = "proof-"


async def documents(count: int) -> list[Path]:
    """Returns `count` PDFs of `PAGES` pages, no two of which share a page; their stems serve as ids."""
    sources = [await corpus.policy_manual(), await corpus.r_manual()]
    return await asyncio.to_thread(_cut, sources, count)


def _cut(sources: list[Path], count: int) -> list[Path]:
    folder = CACHE / "corpus" / f"proof-{count}x{PAGES}"
    if not folder.exists():
        making = Path(tempfile.mkdtemp(dir=folder.parent))
        with ExitStack() as opened:
            pdfs = [opened.enter_context(pymupdf.open(source)) for source in sources]
            windows = [(pdf, first) for pdf in pdfs for first in _windows(pdf)]
            for number in range(count):
                pdf, first = windows[number * len(windows) // count]
                with pymupdf.open() as part:
                    part.insert_pdf(pdf, from_page=first, to_page=first + PAGES - 1, links=False)
                    # With no fresh id in the file, the same pages give the same bytes.
                    part.save(making / f"{PREFIX}{number:04}.pdf", garbage=3, deflate=True, no_new_id=True)
        shutil.move(making, folder)
    return sorted(folder.glob("*.pdf"))


def _windows(pdf: pymupdf.Document) -> Iterator[int]:
    """The first pages, from 0, of all windows whose every page has text."""
    for first in range(0, len(pdf) - PAGES + 1, PAGES):
        if all(len(pdf[first + at].get_text()) >= LEAST_CHARACTERS for at in range(PAGES)):
            yield first
