"""The comparison of the three stores: what it removes, what it leaves, and what it mends."""

from collections.abc import AsyncIterator

import numpy as np
import pytest
from tests.integration.conftest import PIPELINE
from tests.records import batch, new_document

from rag_workloads.library import sweep
from rag_workloads.library.collections import Fingerprint
from rag_workloads.library.documents import Document, Layout, State
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.record_reader import RecordUnreadable

LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=1)
VECTOR = np.asarray([[1.0, 0.0]], np.float32)


@pytest.fixture
async def kept(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """An empty library in which everything counts as old."""
    monkeypatch.setattr(sweep, "AGE_SECONDS", -1)
    await library.vectors.ensure(Fingerprint("model", "f", 2))
    async for version in library.vectors.versions():
        await library.vectors.delete_version(version)
    return library


async def stored(library: Library, document_id: str, batches: int = 2) -> Document:
    """A completed document of as many chunks as batches."""

    async def stream() -> AsyncIterator[bytes]:
        yield b"text"

    key = f"documents/{document_id}/upload"
    assert library.files
    await library.files.put(key, stream())
    begun = await library.begin(new_document(document_id=document_id, size_bytes=4, object_key=key))
    document = await library.take_up(document_id, begun.task, "token", LAYOUT)
    await library.progress(document, batches=batches, chunks=batches)
    for number in range(batches):
        await library.batch_done(batch(document, number), VECTOR)
    found = await library.records.get(document_id)
    assert found
    assert found.state is State.COMPLETED
    await library.queue.forget(document_id, found.task, found.generation, batches)
    return found


async def what_is_left(library: Library) -> tuple[set[str], set[str]]:
    """The documents of which there are points, and those of which there are files."""
    assert library.files
    points = {version.document_id async for version in library.vectors.versions()}
    return points, {file.document_id async for file in library.files.documents()}


async def lose_record(library: Library, document: Document) -> None:
    """As when Redis is lost."""
    await library.records.delete(document.document_id, document.generation)
    await library.records.trash_emptied(await library.records.trash())


async def test_what_no_record_names_is_removed_and_all_else_stays(kept: Library) -> None:
    await lose_record(kept, await stored(kept, "lost"))
    await stored(kept, "there")
    report = await sweep.sweep(kept, asked=False)
    assert (report.orphan_points, report.orphan_files, report.removed) == (2, 1, True)
    assert await what_is_left(kept) == ({"there"}, {"there"})
    again = await sweep.sweep(kept, asked=False)
    assert (again.orphan_points, again.orphan_files, again.incomplete, again.missing_files) == (0, 0, [], [])
    assert await kept.chores.sweep_report() == again.model_dump_json()


async def test_what_is_young_may_be_between_two_writes(
    kept: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "AGE_SECONDS", 3600)
    await lose_record(kept, await stored(kept, "lost"))
    await stored(kept, "there")
    report = await sweep.sweep(kept, asked=True)
    assert (report.orphan_points, report.orphan_files) == (0, 0)
    assert await what_is_left(kept) == ({"lost", "there"}, {"lost", "there"})


async def test_a_redis_that_was_lost_costs_nothing_until_somebody_asks(kept: Library) -> None:
    await lose_record(kept, await stored(kept, "lost"))
    report = await sweep.sweep(kept, asked=False)
    assert (report.orphan_points, report.orphan_files, report.removed) == (2, 1, False)
    assert await what_is_left(kept) == ({"lost"}, {"lost"})
    assert (await sweep.sweep(kept, asked=True)).removed
    assert await what_is_left(kept) == (set(), set())


async def test_points_of_a_version_that_is_past_are_removed(kept: Library) -> None:
    document = await stored(kept, "doc")
    past = document.model_copy(update={"generation": document.generation - 5})
    await kept.vectors.upsert(batch(past, 0), VECTOR)
    assert (await sweep.sweep(kept, asked=False)).orphan_points == 1
    assert len([version async for version in kept.vectors.versions()]) == 2


async def test_a_completed_document_that_lost_points_is_embedded_again(kept: Library) -> None:
    document = await stored(kept, "doc")
    await kept.vectors.delete("doc", document.generation)
    report = await sweep.sweep(kept, asked=False)
    assert report.incomplete == ["doc"]
    again = await kept.records.get("doc")
    assert again
    assert (again.state, again.task) == (State.PENDING, document.task)
    assert await kept.queue.documents_queued([("doc", again.task)]) == [True]


async def test_a_document_without_its_file_is_reported(kept: Library) -> None:
    document = await stored(kept, "doc")
    assert kept.files
    await kept.files.delete(document.object_key)
    report = await sweep.sweep(kept, asked=False)
    assert (report.missing_files, report.incomplete) == (["doc"], [])


async def test_documents_of_an_earlier_release_are_taken_over(kept: Library) -> None:
    document = await stored(kept, "doc")
    redis, key = kept.queue.redis, f"{kept.queue.pipeline}:doc:doc"
    async with redis.pipeline() as pipe:
        pipe.hdel(key, "task", "collection", "revision", "active_collection", "chunk_size")
        pipe.delete(f"{kept.queue.pipeline}:docs:in:{kept.target.collection}")
        await pipe.execute()
    old = await kept.records.get("doc")
    assert old
    assert (old.task, old.active_collection) == (document.generation, None)
    report = await sweep.sweep(kept, asked=False)
    assert (report.orphan_points, report.orphan_files, report.incomplete) == (0, 0, [])
    assert await kept.records.searchable(kept.target.collection) == 1
    assert (await sweep.sweep(kept, asked=False)).orphan_points == 0
    assert await kept.records.get("doc") == old.model_copy(
        update={"active_collection": kept.target.collection}
    )


async def test_what_belongs_to_a_record_that_cannot_be_read_stays(kept: Library) -> None:
    document = await stored(kept, "doc")
    async with kept.queue.redis.pipeline() as pipe:
        pipe.hset(f"{PIPELINE}:doc:doc", "state", "of a newer release")
        await pipe.execute()
    report = await sweep.sweep(kept, asked=True)
    assert (report.orphan_points, report.orphan_files) == (0, 0)
    assert await what_is_left(kept) == ({"doc"}, {"doc"})
    with pytest.raises(RecordUnreadable):
        await kept.settle("doc", document.generation)
    assert await what_is_left(kept) == ({"doc"}, {"doc"})
