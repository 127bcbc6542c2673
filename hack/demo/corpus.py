"""The documents of the demo: Debian's policy manual, and many distinct PDFs cut from it."""

import asyncio
import gzip
import shutil
import tempfile
from pathlib import Path

import pymupdf

from .paths import CACHE
from .shell import CommandError, run

PACKAGE = "debian-policy"
MANUAL_ID = "debian-policy"
# Parts are overlapping windows of the manual: each is a document of its own, with its own bytes and chunks.
PART_PAGES = 48


async def policy_manual() -> Path:
    """Returns Debian's policy manual as a PDF (193 pages), fetched from the machine's Debian mirror once."""
    target = CACHE / "corpus" / "debian-policy.pdf"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            deb = await _package(Path(folder))
            await run("dpkg-deb", "-x", str(deb), folder)
            await asyncio.to_thread(_unpack, Path(folder), target)
    return target


async def _package(folder: Path) -> Path:
    """Downloads the Debian package into a folder; needs no root."""
    try:
        await _download(folder)
    except CommandError:  # no package lists yet: fetch some of our own
        (folder / "lists" / "partial").mkdir(parents=True)
        own_lists = ("-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}")
        await run("apt-get", "update", *own_lists)
        await _download(folder, *own_lists)
    return next(folder.glob(f"{PACKAGE}_*.deb"))  # noqa: ASYNC240 - one small folder


def _unpack(folder: Path, target: Path) -> None:
    packed = folder / "usr/share/doc/debian-policy/policy.pdf.gz"
    unpacked = folder / target.name
    unpacked.write_bytes(gzip.decompress(packed.read_bytes()))
    unpacked.rename(target)


async def _download(folder: Path, *options: str) -> None:
    # apt-get writes to the current folder; APT::Sandbox::User quiets its remark that _apt cannot write there.
    script = 'cd "$0" && exec apt-get download "$@"'
    await run("sh", "-c", script, str(folder), "-o", "APT::Sandbox::User=root", *options, PACKAGE)


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
