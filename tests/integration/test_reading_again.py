"""A worker that is killed within a long document costs it the few pages that the next one reads again."""

from pathlib import Path

import pymupdf
from tests.workers import killed_on_the_way

from rag_contract.environment.worker import WorkerSettings
from rag_workloads.library.lifecycle import Library

PAGES = 320
SENTENCE = "A package must declare its dependencies before it is uploaded to the archive. "


def long_pdf(path: Path) -> Path:
    """A PDF whose every page is longer than a chunk."""
    with pymupdf.open() as pdf:
        for number in range(PAGES):
            pdf.new_page().insert_textbox((50, 50, 550, 800), f"Page {number}. {SENTENCE * 20}")
        pdf.save(path)
    return path


async def test_the_next_worker_goes_on_where_a_killed_one_came(
    library: Library, worker_settings: WorkerSettings, tmp_path: Path
) -> None:
    settings = worker_settings.model_copy(update={"batch_size": 4, "max_batches_in_flight": PAGES // 4})
    killed = await killed_on_the_way(library, settings, long_pdf(tmp_path / "long.pdf"))
    assert PAGES // 4 < killed.page < PAGES
    assert 0 < killed.read_again <= 64
