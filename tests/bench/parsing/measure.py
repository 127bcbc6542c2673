"""Figures of docs/benchmarks/parsing.json: how well, and how fast, printed pages and their scans are read."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import pymupdf
from demo import corpus, debian
from demo.paths import CACHE
from demo.steps import Steps

from tests.bench.parsing.documents import Truth
from tests.bench.parsing.metrics import Scores, scores
from tests.bench.parsing.printing import printed
from tests.bench.parsing.readers import READERS, Read
from tests.bench.parsing.scans import recognition

PAGES = 100
CHINESE = "debian-reference-zh-cn", "usr/share/debian-reference/debian-reference.zh-cn.pdf"

Printed = list[tuple[Path, list[Truth]]]


async def measure(steps: Steps) -> dict[str, object]:
    """Returns the figures of the worker's reader, those of each reader, and those of text recognition."""
    manuals = [
        await corpus.policy_manual(),
        await debian.extract(*CHINESE, CACHE / "corpus" / "reference-zh.pdf"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        with steps.step(f"Print {PAGES} pages"):
            documents = await asyncio.to_thread(printed, Path(folder), PAGES)
        readers: dict[str, dict[str, float]] = {}
        for name, read in READERS.items():
            with steps.step(f"Read them, and manuals, with {name}"):
                readers[name] = {
                    **quality(read, documents),
                    **speed(read, [path for path, _ in documents], manuals),
                }
        printed_pages = sum(_pages(path) for path, _ in documents)
        with steps.step("Recognise them as scans"):
            recognised = recognition([path for path, _ in documents])
    return {**readers["pymupdf"], "printed_pages": printed_pages, "readers": readers, **recognised}


def quality(read: Read, documents: Printed) -> dict[str, float]:
    """Returns the means of all documents' scores."""
    found: list[Scores] = [scores(truth, read(path)) for path, truth in documents]
    tables = [each.tables for each in found if each.tables is not None]
    return {
        "order": round(mean(each.order for each in found), 3),
        "tables": round(mean(tables), 3),
        "headings": round(mean(each.headings for each in found), 3),
    }


def speed(read: Read, documents: Sequence[Path], manuals: Sequence[Path]) -> dict[str, float]:
    """Returns pages a second of one core: of the manuals together, and of the slowest file of all."""
    seconds = {path: _seconds(read, path) for path in (*manuals, *documents)}
    rates = [_pages(path) / seconds[path] for path in seconds]
    together = sum(map(_pages, manuals)) / sum(seconds[path] for path in manuals)
    return {"pages_per_second": round(together, 1), "slowest_pages_per_second": round(min(rates), 1)}


def _seconds(read: Read, path: Path) -> float:
    start = time.process_time()
    read(path)
    return time.process_time() - start


def _pages(path: Path) -> int:
    with pymupdf.open(path) as pdf:
        return int(pdf.page_count)
