"""A reply that Redis gave is lost, and the client sends its command again: nothing is done twice or lost.

Every verb of the life cycle runs undisturbed, and then once for each exchange with Redis, whose connection is
cut after the command ran. What the verb answers and what the three stores hold must be the same.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient, models
from tests.integration.conftest import PIPELINE
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.stores import contents
from tests.records import batch, new_document

from rag_workloads.jobs.queue import Queue
from rag_workloads.library import recovery, sweep
from rag_workloads.library.collections import Fingerprint
from rag_workloads.library.documents import (
    Description,
    Document,
    DocumentError,
    ErrorCode,
    Layout,
    NewDocument,
)
from rag_workloads.library.files import ObjectStore
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.record_reader import Checkpoint
from rag_workloads.library.records import Records, Target
from rag_workloads.library.vectors import VectorStore

OWNER, COLLECTION = "tests", "lost-replies"
LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=1)
VECTOR = np.asarray([[1.0, 0.0]], np.float32)


@dataclass(frozen=True)
class Room:
    """A library on an empty Redis, and steps that bring a document to where a verb begins."""

    library: Library

    async def upload(self, upload: str = "first", sha256: str = "aa") -> NewDocument:
        async def stream() -> AsyncIterator[bytes]:
            yield b"text"

        key = f"documents/doc/{upload}"
        assert self.library.files
        await self.library.files.put(key, stream())
        return new_document(size_bytes=4, sha256=sha256, object_key=key)

    async def begun(self, upload: str = "first", sha256: str = "aa") -> Document:
        begun = await self.library.begin(await self.upload(upload, sha256))
        assert begun.new
        return await self.record()

    async def taken(self, batches: int = 2, **upload: str) -> Document:
        begun = await self.begun(**upload)
        document = await self.library.take_up("doc", begun.task, "taken", LAYOUT)
        await self.library.progress(document, batches=batches, chunks=batches)
        return await self.record()

    async def completed(self, **upload: str) -> Document:
        document = await self.taken(batches=1, **upload)
        await self.library.batch_done(batch(document, 0), VECTOR)
        return await self.record()

    async def record(self) -> Document:
        document = await self.library.records.get("doc")
        assert document
        return document

    def newer(self) -> "Room":
        """The same documents, after the spec named another collection."""
        target = Target(f"{self.library.target.collection}-2", self.library.target.revision + 1)
        return Room(replace(self.library, target=target))


Verb = Callable[[Library], Awaitable[Any]]
Scenario = Callable[[Room], Awaitable[Verb]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(make: Scenario) -> Scenario:
    SCENARIOS[make.__name__] = make
    return make


@scenario
async def claim(room: Room) -> Verb:
    return lambda library: library.records.claim(OWNER)


@scenario
async def begin_new(room: Room) -> Verb:
    new = await room.upload()
    return lambda library: library.begin(new)


@scenario
async def begin_known(room: Room) -> Verb:
    await room.completed()
    new = await room.upload("again")
    return lambda library: library.begin(new)


@scenario
async def begin_replacing_unfinished(room: Room) -> Verb:
    await room.taken()
    new = await room.upload("second", "bb")
    return lambda library: library.begin(new)


@scenario
async def begin_replacing_completed(room: Room) -> Verb:
    await room.completed()
    new = await room.upload("second", "bb")
    return lambda library: library.begin(new)


@scenario
async def begin_failed_again(room: Room) -> Verb:
    document = await room.taken()
    await room.library.fail("doc", document.generation, DocumentError(ErrorCode.INTERNAL, "broken"))
    new = await room.upload("second")
    return lambda library: library.begin(new)


@scenario
async def take_up(room: Room) -> Verb:
    task = (await room.begun()).task
    return lambda library: library.take_up("doc", task, "token", LAYOUT)


@scenario
async def take_up_again(room: Room) -> Verb:
    task = (await room.taken()).task
    return lambda library: library.take_up("doc", task, "token", LAYOUT)


@scenario
async def take_up_for_a_newer_collection(room: Room) -> Verb:
    task = (await room.taken()).task
    return lambda library: replace(library, target=room.newer().library.target).take_up(
        "doc", task, "t", LAYOUT
    )


@scenario
async def give_back(room: Room) -> Verb:
    await room.taken()
    return lambda library: library.give_back("doc", "taken")


@scenario
async def progress(room: Room) -> Verb:
    document = await room.taken()
    return lambda library: library.progress(document, pages=3, pages_done=2)


@scenario
async def turn_to(room: Room) -> Verb:
    document = await room.taken()
    return lambda library: library.turn_to(document, 3)


@scenario
async def cut(room: Room) -> Verb:
    document = await room.begun()
    document = await room.library.take_up("doc", document.task, "taken", LAYOUT)
    batches = [batch(document, 0), batch(document, 1)]
    return lambda library: library.cut(document, batches, Checkpoint(b"state", b"words"))


@scenario
async def note(room: Room) -> Verb:
    document = await room.begun()
    document = await room.library.take_up("doc", document.task, "taken", LAYOUT)
    await room.library.cut(document, [batch(document, 0)], Checkpoint(b"state", b"words"))
    return lambda library: library.note(document, 1, Checkpoint(b"later", b"more"))


@scenario
async def last_cut(room: Room) -> Verb:
    document = await room.begun()
    document = await room.library.take_up("doc", document.task, "taken", LAYOUT)
    await room.library.cut(document, [batch(document, 0)], Checkpoint(b"state", b"words"))
    return lambda library: library.cut(document, [batch(document, 1)], chunks=2)


@scenario
async def enqueue_batch(room: Room) -> Verb:
    waiting = batch(await room.taken(), 0)
    return lambda library: library.queue.enqueue_batch(waiting)


@scenario
async def take_batch(room: Room) -> Verb:
    waiting = batch(await room.taken(), 0)
    return lambda library: library.take_batch(waiting)


@scenario
async def take_batch_of_an_earlier_collection(room: Room) -> Verb:
    waiting = batch(await room.taken(), 0)
    return lambda library: replace(library, target=room.newer().library.target).take_batch(waiting)


@scenario
async def take_batch_of_a_replaced_generation(room: Room) -> Verb:
    waiting = batch(await room.taken(), 0)
    await room.library.vectors.upsert(waiting, VECTOR)
    await room.begun("second", "bb")
    return lambda library: library.take_batch(waiting)


@scenario
async def batch_done(room: Room) -> Verb:
    waiting = batch(await room.taken(), 0)
    return lambda library: library.batch_done(waiting, VECTOR)


@scenario
async def last_batch_done(room: Room) -> Verb:
    document = await room.taken(batches=2)
    await room.library.batch_done(batch(document, 0), VECTOR)
    return lambda library: library.batch_done(batch(document, 1), VECTOR)


@scenario
async def last_batch_of_a_later_generation_done(room: Room) -> Verb:
    await room.completed()
    document = await room.taken(batches=1, upload="second", sha256="bb")
    return lambda library: library.batch_done(batch(document, 0), VECTOR)


@scenario
async def batch_failed(room: Room) -> Verb:
    generation = (await room.taken()).generation
    return lambda library: library.records.batch_failed("doc", generation, 0, "token")


@scenario
async def fail(room: Room) -> Verb:
    await room.completed()
    document = await room.taken(upload="second", sha256="bb")
    await room.library.vectors.upsert(batch(document, 0), VECTOR)
    error = DocumentError(ErrorCode.PDF_CORRUPT, "broken", 3, "repair it")
    return lambda library: library.fail("doc", document.generation, error)


@scenario
async def describe(room: Room) -> Verb:
    await room.completed()
    change = Description(file_name="b.txt", tags=["new"], metadata={"year": 2026})
    return lambda library: library.describe("doc", lambda _: change)


@scenario
async def cancel(room: Room) -> Verb:
    document = await room.taken()
    await room.library.queue.enqueue_batch(batch(document, 0))
    await room.library.vectors.upsert(batch(document, 1), VECTOR)
    return lambda library: library.cancel("doc")


@scenario
async def retry(room: Room) -> Verb:
    document = await room.taken()
    await room.library.fail("doc", document.generation, DocumentError(ErrorCode.INTERNAL, "broken"))
    return lambda library: library.retry("doc")


@scenario
async def delete(room: Room) -> Verb:
    await room.completed()
    return lambda library: library.delete("doc")


@scenario
async def delete_while_it_is_replaced(room: Room) -> Verb:
    await room.completed()
    document = await room.taken(upload="second", sha256="bb")
    await room.library.queue.enqueue_batch(batch(document, 0))
    return lambda library: library.delete("doc")


@scenario
async def delete_without_a_record(room: Room) -> Verb:
    document = await room.completed()
    await room.library.records.delete("doc", document.generation)
    await room.library.empty_trash()
    return lambda library: library.delete("doc")


@scenario
async def recover_a_lost_job(room: Room) -> Verb:
    document = await room.begun()
    await room.library.queue.forget("doc", document.task, document.generation, 0)
    return lambda library: library.recover()


@scenario
async def recover_lost_batches(room: Room) -> Verb:
    document = await room.taken()
    await room.library.queue.forget("doc", document.task, document.generation, 2)
    return lambda library: library.recover()


@scenario
async def recover_an_end_that_is_not_settled(room: Room) -> Verb:
    await room.completed()
    document = await room.taken(batches=1, upload="second", sha256="bb")
    await room.library.queue.forget("doc", document.task, document.generation, 0)
    await room.library.vectors.upsert(batch(document, 0), VECTOR)
    described = document.description, document.revised
    await room.library.vectors.activate(COLLECTION, "doc", document.generation, *described)
    await room.library.records.complete("doc", document.generation, COLLECTION, document.revised)
    return lambda library: library.recover()


@scenario
async def recover_a_finish(room: Room) -> Verb:
    document = await room.taken(batches=1)
    await room.library.queue.forget("doc", document.task, document.generation, 0)
    await room.library.vectors.upsert(batch(document, 0), VECTOR)
    await room.library.records.batch_done("doc", document.generation, 0)
    return lambda library: library.recover()


@scenario
async def recover_a_failure(room: Room) -> Verb:
    document = await room.taken()
    await room.library.vectors.upsert(batch(document, 0), VECTOR)
    await room.library.records.fail("doc", document.generation, DocumentError(ErrorCode.INTERNAL, "broken"))
    await room.library.queue.forget("doc", document.task, document.generation, 0)
    return lambda library: library.recover()


@scenario
async def recover_a_deletion(room: Room) -> Verb:
    document = await room.completed()
    await room.library.records.retire("doc", document.generation)
    await room.library.queue.forget("doc", document.task, document.generation, 0)
    return lambda library: library.recover()


@scenario
async def embed_again(room: Room) -> Verb:
    document = await room.completed()
    return lambda library: library.embed_again(document)


@scenario
async def sweep_leftovers(room: Room) -> Verb:
    document = await room.completed()
    await room.library.records.delete("doc", document.generation)
    await room.library.records.trash_emptied(await room.library.records.trash())
    return _swept


@scenario
async def ask_for_sweep(_: Room) -> Verb:
    return lambda library: library.chores.ask_for_sweep()


@scenario
async def sweep_answered(room: Room) -> Verb:
    await room.library.chores.ask_for_sweep()
    asked = await room.library.chores.sweep_asked()
    assert asked
    return lambda library: library.chores.sweep_answered(asked)


async def _swept(library: Library) -> tuple[int, int]:
    report = await sweep.sweep(library, asked=True)
    return report.orphan_files, report.orphan_points


@pytest.fixture(autouse=True)
def everything_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "SETTLED_SECONDS", -1)
    monkeypatch.setattr(sweep, "AGE_SECONDS", -1)


async def opened(redis_url: str, qdrant_url: str, folder: Path, collection: str) -> Library:
    queue = Queue.open(redis_url, PIPELINE)
    target = Target(collection, 1)
    vectors = VectorStore(qdrant_url, None, target.collection, OWNER)
    return Library(queue, Records(queue.redis, PIPELINE), vectors, ObjectStore(f"file://{folder}"), target)


async def outcome(
    make: Scenario, proxy: CuttingProxy, direct_url: str, qdrant_url: str, folder: Path, cut_at: int
) -> dict[str, str]:
    """What a verb answers and leaves behind when the reply of one exchange is lost; 0 loses none."""
    direct = await opened(direct_url, qdrant_url, folder, COLLECTION)
    await direct.queue.redis.flushall()
    await _empty_collections(qdrant_url)
    verb = await make(Room(direct))
    cut = await opened(proxy.url, qdrant_url, folder, COLLECTION)
    proxy.start(cut_at=cut_at)
    answer = await verb(cut)
    assert proxy.cuts == (1 if cut_at else 0)
    left = await contents(direct, answer)
    await cut.close()
    await direct.close()
    return left


async def _empty_collections(qdrant_url: str) -> None:
    everything = models.FilterSelector(filter=models.Filter())
    client = AsyncQdrantClient(url=qdrant_url, check_compatibility=False)
    for name in (COLLECTION, f"{COLLECTION}-2"):
        if await client.collection_exists(name):
            await client.delete(name, everything)
        else:
            store = VectorStore(qdrant_url, None, name, OWNER)
            await store.ensure(Fingerprint("model", "f", 2))
            await store.close()
    await client.close()


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_lost_reply_changes_nothing(
    name: str, redis_server: str, qdrant_url: str, tmp_path: Path
) -> None:
    async with CuttingProxy(redis_server) as proxy:

        async def run(cut_at: int) -> dict[str, str]:
            folder = tmp_path / uuid4().hex
            return await outcome(SCENARIOS[name], proxy, redis_server, qdrant_url, folder, cut_at)

        await run(0)  # Redis learns the scripts
        undisturbed = await run(0)
        assert proxy.exchanges
        for number in range(1, len(proxy.exchanges) + 1):
            command = proxy.exchanges[number - 1]
            assert await run(number) == undisturbed, f"the reply to {command}, exchange {number}, was lost"
