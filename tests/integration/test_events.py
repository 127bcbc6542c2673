"""Streams of what becomes of documents: from any replica, without a gap and without a repetition."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from tests.event_streams import ALL, Follower, Told, begin, events_missed_after_resume, turn_pages
from tests.integration.api_process import lone_process
from tests.integration.conftest import PIPELINE
from tests.integration.cutting_proxy import CuttingProxy
from tests.patience import PATIENCE_SECONDS, until
from tests.records import batch

from rag_workloads.jobs.queue import Queue
from rag_workloads.library.documents import DocumentError, ErrorCode, Layout, State
from rag_workloads.library.events import PAGE, READS_AT_ONCE, START
from rag_workloads.library.record_reader import NO_CHECKPOINT
from rag_workloads.library.records import Cut, Records, Target
from rag_workloads.library.scripts import EVENTS_KEPT

LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=3)
TARGET = Target("lone", 0)
ONE = "/api/v1/documents/doc/events"


def replica(redis_url: str, probe: str = "/ready", **settings: str) -> contextlib.AbstractContextManager[Any]:
    """An API of the tests' pipeline, and its process."""
    return lone_process(probe, PIPELINE=PIPELINE, REDIS_URL=redis_url, STORAGE_URL="memory:///", **settings)


@pytest.fixture(scope="module")
def url(redis_server: str) -> Iterator[str]:
    with replica(redis_server) as (url, _):
        yield url


@pytest.fixture(scope="module")
def other_url(redis_server: str) -> Iterator[str]:
    with replica(redis_server) as (url, _):
        yield url


def pages(told: list[Told]) -> list[int]:
    return [event.data["pages_done"] for event in told]


async def get(url: str, path: str, last_id: str | None = None) -> httpx.Response:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as client:
        return await client.get(path, headers=headers)


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status, and the last part of the type."""
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_a_document_is_followed_to_its_end(queue: Queue, records: Records, url: str) -> None:
    document = await begin(records, "doc")
    follower = Follower(ONE)
    async with follower.follow(url) as stream:
        assert await anext(stream) == Told(
            "message",
            {
                "task_id": document.task_id,
                "document_id": "doc",
                "status": "pending",
                "progress": 0,
                "stage": "queued",
                "pages": None,
                "pages_done": 0,
                "chunks": None,
                "chunks_done": 0,
                "error": None,
            },
        )
        taken = await records.take_up("doc", document.generation, "token", TARGET, LAYOUT)
        assert taken
        await records.update("doc", taken.generation, pages=2, pages_done=2)
        await records.cut(taken, Cut(0, 1, NO_CHECKPOINT, 3), *queue.batch_entries([batch(taken, 0)]))
        await begin(records, "another")
        await records.batch_done("doc", taken.generation, 0, 3)
        await records.complete("doc", taken.generation, "lone", taken.revised)
        told = [event.data async for event in stream]
    assert [(t["status"], t["stage"], t["progress"], t["chunks_done"]) for t in told] == [
        ("processing", "parsing", 0, 0),
        ("processing", "parsing", 30, 0),
        ("processing", "embedding", 30, 0),
        ("processing", "embedding", 99, 3),
        ("completed", None, 100, 3),
    ]
    assert (await get(url, ONE, follower.last_id)).status_code == 204


async def test_what_ended_before_is_told_once(records: Records, url: str) -> None:
    document = await begin(records, "doc")
    error = DocumentError(ErrorCode.PDF_CORRUPT, "broken", 3, "repair it")
    await records.fail("doc", document.generation, error)
    follower = Follower(ONE)
    (told,) = await follower.to_the_end(url)
    assert (told.data["status"], told.data["error"]) == (
        "failed",
        {"code": "PDF_CORRUPT", "message": "broken", "page": 3, "hint": "repair it"},
    )
    assert (await get(url, ONE, follower.last_id)).status_code == 204
    await records.restart("doc", document.generation, "again", State.FAILED)
    (told,) = await follower.first(url, 1)
    assert (told.data["status"], told.data["error"]) == ("pending", None)


async def test_a_document_is_followed_until_it_is_gone(records: Records, url: str) -> None:
    document = await begin(records, "doc")
    follower = Follower(ONE)
    await follower.first(url, 1)
    before = follower.last_id
    await records.retire("doc", document.generation)
    await records.delete("doc", document.generation)
    told = [(event.data["status"], event.data["task_id"]) for event in await follower.to_the_end(url)]
    assert told == [("failed", document.task_id), ("deleted", document.task_id)]
    again = Follower(ONE, before)
    assert [event.data["status"] for event in await again.to_the_end(url)] == ["failed", "deleted"]
    assert problem(await get(url, ONE, follower.last_id)) == (404, "document-not-found")


async def test_a_document_must_be_known(records: Records, url: str) -> None:
    await begin(records, "another")
    for last_id in (None, "0-0", "1-1"):
        assert problem(await get(url, ONE, last_id)) == (404, "document-not-found")


@pytest.mark.parametrize("path", [ALL, ONE])
async def test_an_id_must_be_one(records: Records, url: str, path: str) -> None:
    await begin(records, "doc")
    assert problem(await get(url, path, "yesterday")) == (422, "invalid-event-id")
    assert problem(await get(url, f"{path}?last_event_id=1")) == (422, "invalid-event-id")


async def test_a_client_goes_on_at_another_replica_when_its_own_is_killed(
    redis_server: str, records: Records, other_url: str
) -> None:
    document = await begin(records, "doc")
    follower, told = Follower(), list[Told]()
    with replica(redis_server) as (url, process):

        async def hear() -> None:
            async with follower.follow(url) as stream:
                changing.create_task(turn_pages(records, document, range(1, 501)))
                async for event in stream:
                    told.append(event)
                    if len(told) == 10:
                        process.kill()

        async with asyncio.TaskGroup() as changing:
            with pytest.raises(httpx.TransportError):
                await hear()
            told += await follower.first(other_url, 500 - len(told))
    assert pages(told) == [*range(1, 501)]


async def test_both_replicas_tell_of_all_documents(records: Records, url: str, other_url: str) -> None:
    async with Follower().follow(url) as one, Follower().follow(other_url) as other:
        documents = [await begin(records, f"doc-{number}") for number in range(3)]
        for document in documents:
            await records.cancel(document.document_id, document.generation)
        for stream in (one, other):
            told = [(await anext(stream)).data for _ in range(6)]
            assert [(t["document_id"], t["status"]) for t in told] == [
                *((f"doc-{number}", "pending") for number in range(3)),
                *((f"doc-{number}", "cancelled") for number in range(3)),
            ]


async def test_clients_that_leave_while_they_read_hold_up_nobody(records: Records, url: str) -> None:
    document = await begin(records, "doc")
    await turn_pages(records, document, range(1, 2 * PAGE))
    async with asyncio.TaskGroup() as leaving:
        for _ in range(5 * READS_AT_ONCE):
            leaving.create_task(Follower(last_id=str(START)).first(url, 1))
    assert pages(await Follower(last_id=str(START)).first(url, 2 * PAGE)) == [*range(2 * PAGE)]


async def test_a_browser_may_send_the_id_in_the_query(records: Records, url: str) -> None:
    document = await begin(records, "doc")
    follower = Follower(ONE)
    await follower.first(url, 1)
    await records.cancel("doc", document.generation)
    (told,) = await Follower(f"{ONE}?last_event_id={follower.last_id}").to_the_end(url)
    assert told.data["status"] == "cancelled"


async def test_where_an_event_cannot_be_read_the_documents_are_looked_at(records: Records, url: str) -> None:
    document = await begin(records, "doc")
    async with Follower().follow(url) as of_all, Follower(ONE).follow(url) as of_one:
        assert pages([await anext(of_one)]) == [0]
        await records.redis.xadd(f"{PIPELINE}:docs:events", {"document_id": "doc", "state": "unheard of"})
        assert (await anext(of_all)).name == "reset"
        assert pages([await anext(of_one)]) == [0]
        await records.cancel("doc", document.generation)
        for stream in (of_all, of_one):
            assert (await anext(stream)).data["status"] == "cancelled"


async def test_a_redis_that_is_away_for_a_while_costs_no_event(redis_server: str, records: Records) -> None:
    document = await begin(records, "doc")
    async with CuttingProxy(redis_server) as redis:
        with replica(redis.url, "/live") as (url, _):
            async with Follower().follow(url) as of_all, Follower(ONE).follow(url) as of_one:
                assert pages([await anext(of_one)]) == [0]
                await turn_pages(records, document, range(1, 11))
                assert pages([await anext(of_all) for _ in range(10)]) == [*range(1, 11)]
                await redis.close()
                await turn_pages(records, document, range(11, 21))
                await redis.open()
                await turn_pages(records, document, range(21, 31))
                assert pages([await anext(of_all) for _ in range(20)]) == [*range(11, 31)]
                assert pages([await anext(of_one) for _ in range(30)]) == [*range(1, 31)]
            await redis.close()
            assert problem(await get(url, ALL)) == (503, "queue-unavailable")


async def test_a_redis_that_was_lost_is_followed_from_its_beginning(
    redis_server: str, records: Records
) -> None:
    await begin(records, "doc")
    async with CuttingProxy(redis_server) as redis:
        with replica(redis.url, "/live") as (url, _):
            of_all, of_one = Follower(), Follower(ONE)
            async with of_all.follow(url) as everything, of_one.follow(url) as one:
                await anext(one)
                await redis.close()
                await records.redis.flushall()
                await redis.open()
                assert (await anext(everything)).name == "reset"
                assert [told async for told in one] == [], "the document is lost too"
                for page in range(1, 4):  # as by a clock that is behind
                    await records.redis.xadd(
                        f"{PIPELINE}:docs:events",
                        {"document_id": "new", "task": 1, "state": "processing", "pages_done": page},
                        id=f"{page}-1",
                    )
                assert pages([await anext(everything) for _ in range(3)]) == [1, 2, 3]
            assert of_all.last_id == "3-1"
            assert problem(await get(url, ONE, of_one.last_id)) == (404, "document-not-found")


async def test_the_streams_of_a_process_are_so_many_and_end_with_it(
    redis_server: str, records: Records
) -> None:
    await begin(records, "doc")
    # A stop that waits for the streams takes longer than the test.
    settings = {"MAX_EVENT_STREAMS": "2", "ANSWER_SECONDS": f"{2 * PATIENCE_SECONDS}"}
    with replica(redis_server, **settings) as (url, process):
        async with Follower().follow(url), Follower(ONE).follow(url):
            busy = await get(url, ALL)
            assert (problem(busy), busy.headers["retry-after"]) == ((503, "event-streams-busy"), "5")

        async def room() -> bool:
            # Answered at once, as there is no such document.
            return problem(await get(url, "/api/v1/documents/none/events")) == (404, "document-not-found")

        assert await until(room)
        of_all, of_one = Follower(), Follower(ONE)
        async with of_all.follow(url) as everything, of_one.follow(url) as one:
            await anext(one)
            process.terminate()
            assert [told async for told in everything] == [told async for told in one] == []
        process.wait(PATIENCE_SECONDS)


async def test_a_client_that_takes_nothing_holds_up_nobody_and_goes_on_later(
    records: Records, url: str
) -> None:
    message, names = "x" * 50_000, [f"doc-{number}" for number in range(300)]
    slow, told = Follower(), list[Told]()

    async def given_up() -> bool:
        # The others are the quick client and this question.
        return "\nactive_connections 2.0\n" in (await get(url, "/metrics")).text

    async def hear(stream: AsyncIterator[Told]) -> None:
        async for event in stream:
            told.append(event)

    async with slow.follow(url) as stream:
        async with Follower().follow(url) as quick:
            for name in names:  # more than all buffers between the two hold
                document = await begin(records, name)
                await records.fail(name, document.generation, DocumentError(ErrorCode.INTERNAL, message))
                heard = [(await anext(quick)).data for _ in range(2)]
                assert [(t["document_id"], t["status"]) for t in heard] == [
                    (name, "pending"),
                    (name, "failed"),
                ]
            assert await until(given_up)
        with pytest.raises(httpx.TransportError):
            await hear(stream)
    told += await slow.first(url, 2 * len(names) - len(told))
    assert [event.data["document_id"] for event in told if event.data["status"] == "failed"] == names


async def test_where_events_were_trimmed_the_documents_are_looked_at(records: Records, url: str) -> None:
    document = await begin(records, "doc")
    of_all, of_one = Follower(last_id="1-1"), Follower(ONE)
    await of_one.first(url, 1)
    of_all.last_id = of_one.last_id
    await records.update("doc", document.generation, pages=2, pages_done=2)
    async with records.redis.pipeline(transaction=False) as pipe:
        for _ in range(EVENTS_KEPT + 200):  # Redis trims a hundred at a time
            pipe.xadd(
                f"{PIPELINE}:docs:events",
                {"document_id": "another", "task": 1, "state": "pending"},
                maxlen=EVENTS_KEPT,
            )
        await pipe.execute()
    async with of_all.follow(url) as all_of_them, of_one.follow(url) as one:
        assert (await anext(all_of_them)).name == "reset"
        assert pages([await anext(one)]) == [2]
        await records.cancel("doc", document.generation)
        assert (await anext(all_of_them)).data["status"] == "cancelled"
        assert [told.data["status"] async for told in one] == ["cancelled"]


async def test_no_event_is_missed_however_often_a_connection_is_cut(
    records: Records, url: str, other_url: str
) -> None:
    assert await events_missed_after_resume([url, other_url], records, events=500, cuts=25) == 0
