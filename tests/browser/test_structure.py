"""The structure of pages that Chromium prints, as `make bench NAME=parsing` measures it on more of them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pymupdf
import pytest

from rag_workloads.worker.pdf_lines import FLAGS
from tests.bench.parsing.measure import Printed, quality
from tests.bench.parsing.printing import printed
from tests.bench.parsing.readers import with_pymupdf
from tests.expected import read_pages

PAGES = 16


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Printed:
    """Printed in a thread of its own, for Playwright runs an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(printed, tmp_path_factory.mktemp("printed"), PAGES).result()


def test_the_structure_is_read(documents: Printed) -> None:
    found = quality(with_pymupdf, documents)
    assert found["order"] >= 0.9
    assert found["tables"] >= 0.7
    assert found["headings"] >= 0.7


def test_every_word_stands_on_its_page(documents: Printed) -> None:
    for path in _paths(documents):
        with pymupdf.open(path) as pdf:
            written = [set(page.get_text("text", flags=FLAGS).split()) for page in pdf]
        read = [set(page.text.split()) for page in read_pages(path)]
        assert all(words <= on_page for words, on_page in zip(read, written, strict=True))
        assert all(read)


def _paths(documents: Printed) -> list[Path]:
    return [path for path, _ in documents]
