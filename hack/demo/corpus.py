"""The documents of the demo: Debian's policy manual, and many distinct PDFs cut from it."""

import asyncio
import gzip
import shutil
import tempfile
from pathlib import Path

import pymupdf

from .paths import CACHE
from .shell import CommandError, run

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
    """Returns a PDF out of a Debian package, fetched from the machine's Debian mirror once."""
    target = CACHE / "corpus" / f"{package}.pdf"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            deb = await _download(package, Path(folder))
            await run("dpkg-deb", "-x", str(deb), folder)
            await asyncio.to_thread(_unpack, Path(folder, member), target)
    return target


async def _download(package: str, folder: Path) -> Path:
    """Downloads a Debian package into a folder; needs no root."""
    try:
        await _apt_download(package, folder)
    except CommandError:  # no package lists yet: fetch some of our own
        (folder / "lists" / "partial").mkdir(parents=True)
        own_lists = ("-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}")
        await run("apt-get", "update", *own_lists)
        await _apt_download(package, folder, *own_lists)
    return next(folder.glob(f"{package}_*.deb"))  # noqa: ASYNC240 - one small folder


def _unpack(packed: Path, target: Path) -> None:
    unpacked = packed.with_name(target.name)
    data = packed.read_bytes()
    unpacked.write_bytes(gzip.decompress(data) if packed.suffix == ".gz" else data)
    unpacked.rename(target)


async def _apt_download(package: str, folder: Path, *options: str) -> None:
    # apt-get writes to the current folder; APT::Sandbox::User quiets its remark that _apt cannot write there.
    script = 'cd "$0" && exec apt-get download "$@"'
    await run("sh", "-c", script, str(folder), "-o", "APT::Sandbox::User=root", *options, package)


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
