"""What is left of a document when its life takes a turn between two writes."""

from dataclasses import replace
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient
from tests.integration.test_lost_replies import LAYOUT, VECTOR, Room
from tests.records import batch

from rag_workloads.library import recovery
from rag_workloads.library.collections import Fingerprint, VectorStoreAway
from rag_workloads.library.documents import Description, Document, DocumentError, ErrorCode, State
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.points import Version
from rag_workloads.library.processing import Superseded
from rag_workloads.library.record_reader import Checkpoint
from rag_workloads.library.recovery import MAX_RECOVERIES
from rag_workloads.library.searches import Query
from rag_workloads.library.vectors import VectorStore

EARLIER, LATER = "earlier-collection", "later-collection"


@pytest.fixture(autouse=True)
def everything_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "SETTLED_SECONDS", -1)


@pytest.fixture
async def room(library: Library, qdrant_url: str) -> Room:
    """A room whose two collections are empty, of which it uses the earlier one."""
    rooms = [aimed(library, qdrant_url, name, at) for at, name in enumerate((EARLIER, LATER), 1)]
    for each in rooms:
        await each.library.vectors.ensure(Fingerprint("model", "f", 2))
        for version in await versions(each):
            await each.library.vectors.delete_version(version)
    return rooms[0]


def aimed(library: Library, qdrant_url: str, collection: str, revision: int) -> Room:
    """The same documents, where the spec names this collection."""
    vectors = VectorStore(qdrant_url, None, collection, "tests")
    target = library.target._replace(collection=collection, revision=revision)
    return Room(replace(library, vectors=vectors, target=target))


async def versions(room: Room) -> list[Version]:
    """The versions of which the room's collection has points, each once."""
    return sorted({version async for version in room.library.vectors.versions()})


async def found(room: Room) -> list[str]:
    return [hit.chunk_id for hit in await room.library.vectors.find(Query(VECTOR[0], 10))]


async def test_a_version_that_is_superseded_at_its_end_costs_the_one_before_it_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await room.completed()
    second = await room.taken(batches=1, upload="second", sha256="bb")
    complete = room.library.records.complete

    async def complete_after_another_upload(*args: object) -> bool:
        await room.begun("third", "cc")
        return await complete("doc", second.generation, EARLIER, second.revised)

    monkeypatch.setattr(room.library.records, "complete", complete_after_another_upload)
    assert not await room.library.batch_done(batch(second, 0), VECTOR)
    assert (await room.record()).active_generation == first.generation
    assert await versions(room) == [Version("doc", first.generation, active=True)]


async def test_until_the_earlier_version_is_gone_searches_see_the_newer_one_only(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.completed()
    second = await room.taken(batches=1, upload="second", sha256="bb")
    delete = room.library.vectors.delete

    async def die(*_: object, **__: object) -> None:
        raise VectorStoreAway("the process dies here")

    monkeypatch.setattr(room.library.vectors, "delete", die)
    assert await room.library.batch_done(batch(second, 0), VECTOR)
    assert len(await versions(room)) == 2
    assert await found(room) == ["doc_chunk_0"]
    monkeypatch.setattr(room.library.vectors, "delete", delete)
    await room.library.queue.forget("doc", second.task, second.generation, 0)
    await room.library.recover()
    assert await versions(room) == [Version("doc", second.generation, active=True)]
    assert (await room.record()).state is State.COMPLETED


async def test_a_collection_that_the_spec_goes_back_to_has_nothing_of_before(
    room: Room, qdrant_url: str
) -> None:
    await room.completed()
    later = aimed(room.library, qdrant_url, LATER, 2)
    await later.completed(upload="again")
    assert (await later.record()).active_collection == LATER
    assert (await versions(room), await found(room)) == ([], [])
    assert (await later.record()).places == [LATER]


async def test_points_of_a_generation_that_was_begun_anew_elsewhere_are_removed(
    room: Room, qdrant_url: str
) -> None:
    document = await room.taken()
    await room.library.batch_done(batch(document, 0), VECTOR)
    assert len(await versions(room)) == 1
    later = aimed(room.library, qdrant_url, LATER, 2)
    anew = await later.library.take_up("doc", document.task, "anew", LAYOUT)
    assert anew.collections == {EARLIER, LATER}
    await later.library.progress(anew, batches=1)
    assert await later.library.batch_done(batch(anew, 0), VECTOR)
    assert await versions(room) == []
    assert await versions(later) == [Version("doc", anew.generation, active=True)]


async def test_a_deletion_that_meets_an_upload_takes_the_version_that_it_found(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await room.completed()
    retire = room.library.records.retire

    async def retire_after_an_upload(document_id: str, generation: int) -> bool:
        await room.begun("second", "bb")
        return await retire(document_id, generation)

    monkeypatch.setattr(room.library.records, "retire", retire_after_an_upload)
    assert await room.library.delete("doc")
    left = await room.record()
    assert (left.state, left.active_generation, left.task > first.task) == (State.PENDING, None, True)
    assert (await versions(room), await found(room)) == ([], [])
    assert await room.library.records.searchable(EARLIER) == 0
    assert await room.library.records.trash() == [first.object_key]


async def begun_attempt(room: Room, token: str) -> Document:
    """The document, taken up."""
    document = await room.record()
    return await room.library.take_up("doc", document.task, token, LAYOUT)


async def test_an_attempt_goes_on_where_the_one_before_it_came(room: Room) -> None:
    await room.begun()
    first = await begun_attempt(room, "first")
    assert await room.library.checkpoint(first) is None
    await room.library.cut(first, [batch(first, 0)], Checkpoint(b"one", b"a "))
    await room.library.cut(first, [batch(first, 1)], Checkpoint(b"two", b"b "))
    second = await begun_attempt(room, "second")
    assert await room.library.checkpoint(second) == Checkpoint(b"two", b"a b ")
    with pytest.raises(Superseded):  # the first attempt was taken for dead, and is not
        await room.library.cut(first, [batch(first, 2)], Checkpoint(b"three", b""))
    await room.library.cut(second, [batch(second, 2)], chunks=3)
    document = await room.record()
    assert (document.batches, document.batches_queued, document.chunks) == (3, 3, 3)
    assert await room.library.queue.missing_batches("doc", document.generation, 4) == [3]
    assert await room.library.checkpoint(document) is None


async def test_an_attempt_that_got_further_is_no_repetition(room: Room) -> None:
    await room.begun()
    for number, token in enumerate(("first", "second", "third")):
        document = await begun_attempt(room, token)
        assert document.attempts == min(2, number + 1)
        await room.library.cut(document, [batch(document, number)], Checkpoint(b"further", b""))
    again = [(await begun_attempt(room, token)).attempts for token in ("fourth", "fifth")]
    assert again == [2, 3]


async def test_batches_that_were_lost_are_made_again_with_all_others(room: Room) -> None:
    document = await room.taken()
    await room.library.batch_done(batch(document, 0), VECTOR)
    for recoveries in range(1, MAX_RECOVERIES + 1):
        await room.library.queue.forget("doc", document.task, document.generation, 2)
        await room.library.recover()
        anew = await begun_attempt(room, f"attempt {recoveries}")
        assert (anew.recoveries, anew.task) == (recoveries, document.task)
        assert anew.generation > document.generation
        await room.library.progress(anew, batches=2, chunks=2)
        document = anew
    await room.library.queue.forget("doc", document.task, document.generation, 2)
    await room.library.recover()
    failed = await room.record()
    assert (failed.state, failed.error_code) == (State.FAILED, ErrorCode.INGEST_STALLED)
    assert await versions(room) == []


async def payloads(room: Room, qdrant_url: str) -> list[dict[str, object]]:
    """What each point of the room's collection carries of the document's description."""
    client = AsyncQdrantClient(url=qdrant_url, check_compatibility=False)
    points, _ = await client.scroll(room.library.target.collection, limit=100, with_payload=True)
    await client.close()
    names = ("file_name", "tags", "metadata")
    return [{name: (point.payload or {})[name] for name in names} for point in points]


CHANGED = Description(file_name="b.txt", tags=["new"], metadata={"year": 2026})


async def test_the_chunks_follow_what_is_said_of_a_document(room: Room, qdrant_url: str) -> None:
    await room.completed()
    assert await payloads(room, qdrant_url) == [{"file_name": "a.pdf", "tags": [], "metadata": {}}]
    changed = await room.library.describe("doc", lambda _: CHANGED)
    assert changed
    assert (changed.description, changed.state) == (CHANGED, State.COMPLETED)
    assert await payloads(room, qdrant_url) == [CHANGED.model_dump()]


@pytest.mark.parametrize("verb", ["activate", "complete"])
async def test_what_is_said_while_a_document_is_finished_reaches_its_chunks(
    room: Room, qdrant_url: str, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    document = await room.taken(batches=1)
    owner = room.library.vectors if verb == "activate" else room.library.records
    original = getattr(owner, verb)

    async def after_a_change(*args: object) -> object:
        monkeypatch.setattr(owner, verb, original)
        await room.library.describe("doc", lambda _: CHANGED)
        return await original(*args)

    monkeypatch.setattr(owner, verb, after_a_change)
    assert await room.library.batch_done(batch(document, 0), VECTOR)
    assert await payloads(room, qdrant_url) == [CHANGED.model_dump()]


async def test_chunks_that_could_not_follow_do_so_later(
    room: Room, qdrant_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await room.completed()
    activate = room.library.vectors.activate

    async def away(*_: object) -> None:
        raise VectorStoreAway("Qdrant is away")

    monkeypatch.setattr(room.library.vectors, "activate", away)
    assert await room.library.describe("doc", lambda _: CHANGED)
    monkeypatch.setattr(room.library.vectors, "activate", activate)
    assert (await payloads(room, qdrant_url))[0]["tags"] == []
    await room.library.queue.forget("doc", document.task, document.generation, 0)
    await room.library.recover()
    assert await payloads(room, qdrant_url) == [CHANGED.model_dump()]


async def test_what_was_said_later_stays_where_an_earlier_word_reaches_the_chunks_late(
    room: Room, qdrant_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.completed()
    activate = room.library.vectors.activate

    async def activate_after_another_change(*args: Any) -> None:
        monkeypatch.setattr(room.library.vectors, "activate", activate)
        await room.library.describe("doc", lambda _: CHANGED)
        await activate(*args)

    monkeypatch.setattr(room.library.vectors, "activate", activate_after_another_change)
    await room.library.describe("doc", lambda was: was.model_copy(update={"tags": ["earlier"]}))
    assert await payloads(room, qdrant_url) == [CHANGED.model_dump()]


async def test_what_is_said_of_an_upload_that_fails_reaches_the_chunks_of_the_one_before_it(
    room: Room, qdrant_url: str
) -> None:
    await room.completed()
    await room.library.describe("doc", lambda was: was.model_copy(update={"tags": ["earlier"]}))
    second = await room.taken(upload="second", sha256="bb")
    await room.library.describe("doc", lambda _: CHANGED)
    await room.library.fail("doc", second.generation, DocumentError(ErrorCode.PDF_CORRUPT, "broken"))
    assert await payloads(room, qdrant_url) == [CHANGED.model_dump()]


async def test_a_change_is_made_to_what_the_newest_upload_says(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.begun()
    describe = room.library.records.describe

    async def describe_after_an_upload(*args: Any) -> bool:
        monkeypatch.setattr(room.library.records, "describe", describe)
        upload = await room.upload("second", "bb")
        await room.library.begin(upload.model_copy(update={"file_name": "second.pdf"}))
        return await describe(*args)

    monkeypatch.setattr(room.library.records, "describe", describe_after_an_upload)
    changed = await room.library.describe("doc", lambda was: was.model_copy(update={"tags": ["new"]}))
    assert changed
    assert (changed.file_name, changed.tags) == ("second.pdf", ["new"])
