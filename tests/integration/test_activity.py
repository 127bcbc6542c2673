"""What the API tells of queues, of who works on them, and of the last hour."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.integration.conftest import PIPELINE
from tests.patience import PATIENCE_SECONDS, until
from tests.records import batch, new_document

from rag_contract import names
from rag_contract.index import Index, index_id
from rag_workloads.jobs.consumer import Consumer
from rag_workloads.jobs.leases import Leases
from rag_workloads.jobs.presence import Presence
from rag_workloads.jobs.queue import PROCESS_DOCUMENT, Queue
from rag_workloads.library import activity
from rag_workloads.library.documents import Document, DocumentError, ErrorCode, Layout
from rag_workloads.library.following import Follower
from rag_workloads.library.indexes import Decision
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.minutes import Minutes
from rag_workloads.library.record_reader import Checkpoint

INGEST, EMBED = names.ingest_queue(PIPELINE), names.embed_queue(PIPELINE)
LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=1)
HOUR = 3600
BROKEN = DocumentError(ErrorCode.PDF_CORRUPT, "It has no page.")
TOO_LONG = DocumentError(ErrorCode.EMBEDDING_FAILED, "A chunk is too long.")


async def told(api: httpx.AsyncClient) -> dict[str, Any]:
    answer = await api.get("/api/v1/activity")
    activity: dict[str, Any] = answer.raise_for_status().json()
    return activity


async def queue_of(api: httpx.AsyncClient, name: str) -> dict[str, Any]:
    (found,) = [each for each in (await told(api))["queues"] if each["name"] == name]
    queue: dict[str, Any] = found
    return queue


async def workers(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await told(api))["workers"]
    return found


@asynccontextmanager
async def running(consumer: Consumer) -> AsyncIterator[None]:
    consuming = asyncio.create_task(consumer.consume())
    yield
    await consumer.drain(PATIENCE_SECONDS)
    await consuming


def brief(entries: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(each["document_id"], each["state"], each["attempts"], each["batch"]) for each in entries]


async def begin(library: Library, *ids: str) -> None:
    for each in ids:
        await library.begin(
            new_document(document_id=each, file_name=f"{each}.pdf", object_key=f"documents/{each}/0")
        )


async def taken(library: Library, document_id: str = "doc") -> Document:
    """A document that a worker has in hand."""
    await begin(library, document_id)
    document = await library.records.get(document_id)
    assert document
    return await library.take_up(document_id, document.task, "token", LAYOUT)


async def test_nothing_is_told_of_an_empty_pipeline(api: httpx.AsyncClient) -> None:
    empty = {"waiting": 0, "running": 0, "deferred": 0, "failed": 0, "oldest_seconds": 0, "entries": []}
    activity = await told(api)
    assert activity["queues"] == [{"name": "ingest", **empty}, {"name": "embed", **empty}]
    assert activity["workers"] == []
    assert activity["embedding"] == {"replicas": 0}
    assert len(activity["minutes"]) == 60
    assert activity["minutes"][0]["minute"].endswith(":00Z")
    ended = {(each["completed"], each["failed"], each["queue_depth"]) for each in activity["minutes"]}
    assert ended == {(0, 0, None)}


async def test_documents_that_run_come_before_those_that_wait_and_those_that_are_put_off(
    api: httpx.AsyncClient, library: Library
) -> None:
    await begin(library, "put-off", "running", "older", "newer")
    leases = Leases(library.queue.redis, INGEST)
    put_off, _ = await leases.claim(2)
    await leases.put_back(put_off.job_id, HOUR)
    document = await library.records.get("running")
    assert document
    await library.take_up("running", document.task, "token", LAYOUT)
    queue = await queue_of(api, "ingest")
    counts = {name: queue[name] for name in ("waiting", "running", "deferred", "failed")}
    assert counts == {"waiting": 2, "running": 1, "deferred": 1, "failed": 0}
    assert brief(queue["entries"]) == [
        ("running", "running", 1, None),
        ("older", "waiting", 0, None),
        ("newer", "waiting", 0, None),
        ("put-off", "deferred", 0, None),
    ]
    assert queue["entries"][0]["file_name"] == "running.pdf"
    assert queue["oldest_seconds"] > 0


async def test_an_entry_is_as_old_as_it_has_been_in_the_queue_be_it_taken_or_not(
    api: httpx.AsyncClient, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda before=time.time: before() - HOUR)
    await begin(library, "first", "second")
    await Leases(library.queue.redis, INGEST).claim(1)
    ages = [entry["age_seconds"] for entry in (await queue_of(api, "ingest"))["entries"]]
    assert len(ages) == 2
    assert min(ages) >= HOUR


async def test_batches_are_told_with_their_document_and_how_often_they_were_tried(
    api: httpx.AsyncClient, library: Library
) -> None:
    document = await taken(library)
    batches = [batch(document, number) for number in range(3)]
    await library.cut(document, batches, Checkpoint(b"state", b"words"))
    leases = Leases(library.queue.redis, EMBED)
    await leases.claim(1)
    for number in (0, 0, 1):
        await library.batch_failed(batches[number])
    queue = await queue_of(api, "embed")
    assert brief(queue["entries"]) == [
        ("doc", "running", 3, 0),
        ("doc", "waiting", 1, 1),
        ("doc", "waiting", 0, 2),
    ]


async def test_a_failed_document_counts_for_the_queue_in_which_it_failed(
    api: httpx.AsyncClient, library: Library
) -> None:
    for number, error in enumerate([BROKEN, BROKEN, TOO_LONG]):
        document = await taken(library, str(number))
        await library.fail(str(number), document.generation, error)
    assert [each["failed"] for each in (await told(api))["queues"]] == [2, 1]


async def test_fifty_entries_are_told_of_ten_thousand(api: httpx.AsyncClient, library: Library) -> None:
    await begin(library, "doc")
    (entry,) = await library.queue.redis.zrange(INGEST, 0, -1, withscores=True)
    job_id, score = entry
    later = {f"{job_id.decode()}{number:05}": score + number + 1 for number in range(9_999)}
    await library.queue.redis.zadd(INGEST, later)
    queue = await queue_of(api, "ingest")
    assert queue["waiting"] == 10_000
    assert len(queue["entries"]) == 50


async def test_what_is_no_job_or_has_no_record_is_counted_and_not_described(
    api: httpx.AsyncClient, library: Library
) -> None:
    await library.queue.redis.zadd(INGEST, {"garbage": -1, f"{INGEST}:gone.1": -1})
    queue = await queue_of(api, "ingest")
    assert (queue["waiting"], queue["entries"]) == (2, [])


async def test_a_consumer_tells_of_itself_until_it_stops(api: httpx.AsyncClient, queue: Queue) -> None:
    async def job() -> None:
        """Has nothing to do."""

    consumer = Consumer(queue, INGEST, PROCESS_DOCUMENT, job, concurrency=1)
    async with running(consumer):
        (worker,) = await until(lambda: workers(api))
        assert (worker["queue"], worker["running"]) == ("ingest", 0)
    assert await workers(api) == []


async def test_a_consumer_that_is_silent_is_forgotten(api: httpx.AsyncClient, queue: Queue) -> None:
    async with queue.redis.pipeline() as pipe:
        pipe.hset(f"{EMBED}:consumers", "lost", "1000 3")
        await pipe.execute()
    assert await workers(api) == []
    await Presence(queue.redis, EMBED).tell("there", 2)
    async with queue.redis.pipeline() as pipe:
        pipe.hkeys(f"{EMBED}:consumers")
        assert await pipe.execute() == [[b"there"]]
    (worker,) = await workers(api)
    assert (worker["name"], worker["queue"], worker["running"]) == ("there", "embed", 2)
    assert (await told(api))["embedding"] == {"replicas": 1}


async def test_what_follows_counts_too(api: httpx.AsyncClient, library: Library) -> None:
    first, following = (
        Index(id=id, collection=id, embedding_url="http://none", embedding_model="model")
        for id in (index_id(PIPELINE), index_id(PIPELINE, 7))
    )
    await library.indexes.decide(Decision(1, first, following))
    document = await taken(library)
    await library.records.complete("doc", document.generation, first.collection, document.revised)
    follower = library.beside(following)
    await Follower(follower, following, first).advance()
    await Presence(library.queue.redis, names.embed_queue(following.id)).tell("next", 1)
    queue = await queue_of(api, "ingest")
    assert queue["waiting"] == 2
    assert [entry["document_id"] for entry in queue["entries"]] == ["doc", "doc"]
    assert (await told(api))["embedding"] == {"replicas": 1}


async def test_each_end_of_a_document_is_counted_once_in_its_minute(
    api: httpx.AsyncClient, library: Library
) -> None:
    first, second = await taken(library, "first"), await taken(library, "second")
    for _ in range(2):
        await library.records.complete("first", first.generation, "collection", first.revised)
        await library.records.fail("second", second.generation, BROKEN)
    await begin(library, "third")
    await library.cancel("third")
    await library.delete("third")
    minutes = (await told(api))["minutes"]
    assert [sum(each[what] for each in minutes) for what in ("completed", "failed")] == [1, 1]


async def test_a_minute_has_the_depth_and_the_pods_of_the_last_look(
    api: httpx.AsyncClient, library: Library
) -> None:
    document = await taken(library)
    await library.cut(document, [batch(document, 0), batch(document, 1)], Checkpoint(b"state", b"words"))
    await Minutes(library.queue.redis, PIPELINE).sample(7, 7)
    await Presence(library.queue.redis, EMBED).tell("pod", 1)
    await activity.sample(library)
    minutes = [each for each in (await told(api))["minutes"] if each["replicas"] is not None]
    assert (minutes[-1]["queue_depth"], minutes[-1]["replicas"]) == (2, 1)
