"""The documents of the demo: Debian's policy manual, and many distinct PDFs cut from it."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pymupdf

from . import debian
from .paths import CACHE

MANUAL_ID = "debian-policy"
# Parts are overlapping windows of the manual: each is a document of its own, with its own bytes and chunks.
PART_PAGES = 48


async def policy_manual() -> Path:
    """Returns Debian's policy manual as a PDF (193 pages)."""
    return await _from_package("debian-policy", "usr/share/doc/debian-policy/policy.pdf.gz")


async def r_manual() -> Path:
    """Returns the reference of the language R as a PDF (2,415 pages)."""
    return await _from_package("r-doc-pdf", "usr/share/R/doc/manual/fullrefman.pdf")


async def _from_package(package: str, member: str) -> Path:
    """Returns a PDF out of a Debian package."""
    return await debian.extract(package, member, CACHE / "corpus" / f"{package}.pdf")


async def parts(manual: Path, count: int) -> list[Path]:
    """Cuts `count` distinct PDFs of PART_PAGES pages from the manual."""
    return await asyncio.to_thread(_cut, manual, count)


def _cut(manual: Path, count: int) -> list[Path]:
    folder = CACHE / "corpus" / f"parts-{count}x{PART_PAGES}"
    if not folder.exists():
        making = Path(tempfile.mkdtemp(dir=folder.parent))
        with pymupdf.open(manual) as source:
            for number in range(count):
                first = number * (len(source) - PART_PAGES) // (count - 1)
                with pymupdf.open() as part:
                    part.insert_pdf(source, from_page=first, to_page=first + PART_PAGES - 1, links=False)
                    # With no fresh id in the file, the same pages give the same bytes.
                    part.save(making / f"part-{number:03}.pdf", garbage=3, deflate=True, no_new_id=True)
        shutil.move(making, folder)
    return sorted(folder.glob("*.pdf"))
