"""The consumer of a queue, on a real Redis."""

import asyncio
import contextlib
import hashlib
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator

import msgpack
import pytest
from arq.constants import job_key_prefix
from redis.exceptions import AuthenticationError, ResponseError
from structlog.testing import capture_logs
from tests import records
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.redis_process import redis_process
from tests.patience import PATIENCE_SECONDS, until

from rag_contract import names
from rag_workloads.jobs import payloads, scripts
from rag_workloads.jobs import queue as queues
from rag_workloads.jobs.consumer import Consumer, Job, RetryLater
from rag_workloads.jobs.metrics import CLAIMS, RETRIES
from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.jobs.queue import EMBED_BATCH, Queue


def batch(number: int, text: str = "text") -> EmbedBatch:
    return records.batch(records.document(), number, [Chunk(0, text, 1, [[1, 0]])])


def job_id(number: int) -> str:
    return payloads.embed_job_id("tests.pipeline", "doc", 1, number)


@contextlib.asynccontextmanager
async def consuming(on: Queue, job: Job, concurrency: int = 2) -> AsyncIterator[Consumer]:
    name = names.embed_queue(on.pipeline)
    consumer = Consumer(on, name, EMBED_BATCH, job, concurrency=concurrency)
    running = asyncio.create_task(consumer.consume())
    try:
        yield consumer
    finally:
        await consumer.drain(PATIENCE_SECONDS)
        await running


async def empty(on: Queue) -> None:
    async def no_batch() -> bool:
        return (await on.depths()).embed == 0

    await until(no_batch)


async def set_aside(on: Queue) -> dict[str, bytes]:
    """The payloads that were set aside, by the ids of their jobs."""
    async with on.redis.pipeline(transaction=False) as pipe:
        pipe.lrange(f"{names.embed_queue(on.pipeline)}:undecodable", 0, -1)
        (kept,) = await pipe.execute()
    return {what["job_id"]: what["payload"] for what in map(msgpack.unpackb, kept)}


class Jobs:
    """A job that notes what it is given, and waits where it is told to."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.started, self.go_on = asyncio.Event(), asyncio.Event()

    async def runs(self, payload: dict[str, object]) -> None:
        self.numbers.append(EmbedBatch.from_payload(payload).number)

    async def waits(self, payload: dict[str, object]) -> None:
        await self.runs(payload)
        self.started.set()
        await self.go_on.wait()


async def test_a_job_is_queued_once_and_runs_once(queue: Queue) -> None:
    seen: list[EmbedBatch] = []

    async def job(payload: dict[str, object]) -> None:
        seen.append(EmbedBatch.from_payload(payload))

    for number in (0, 1, 1):
        await queue.enqueue_batch(batch(number))
    assert (await queue.depths()).embed == 2
    assert await queue.missing_batches("doc", 1, 4) == [2, 3]
    async with consuming(queue, job):
        await empty(queue)
    assert sorted(seen, key=lambda found: found.number) == [batch(0), batch(1)]


async def test_twenty_consumers_run_each_job_once(queue: Queue) -> None:
    jobs, numbers = Jobs(), range(400)
    for number in numbers:
        await queue.enqueue_batch(batch(number))
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(consuming(queue, jobs.runs, concurrency=4))
        await empty(queue)
    assert Counter(jobs.numbers) == Counter(numbers)


async def test_the_oldest_goes_first(queue: Queue) -> None:
    jobs, numbers = Jobs(), list(range(30))
    for number in numbers:
        await queue.enqueue_batch(batch(number))
    async with consuming(queue, jobs.runs, concurrency=1):
        await empty(queue)
    assert jobs.numbers == numbers


async def test_a_job_that_comes_back_goes_before_the_line(queue: Queue) -> None:
    order: list[int] = []

    async def job(payload: dict[str, object]) -> None:
        number = EmbedBatch.from_payload(payload).number
        order.append(number)
        if order.count(0) < 2:
            raise RetryLater(0)

    for number in range(3):
        await queue.enqueue_batch(batch(number))
    async with consuming(queue, job, concurrency=1):
        await empty(queue)
    assert order == [0, 0, 1, 2]


async def test_a_job_may_ask_to_come_back_and_keeps_its_place_until_it_is_done(queue: Queue) -> None:
    tries: list[float] = []

    async def job(_: dict[str, object]) -> None:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) < 3:
            raise RetryLater(0.3)

    counted = [metric.labels(names.embed_queue(queue.pipeline))._value for metric in (RETRIES, CLAIMS)]
    retries, claims = (value.get() for value in counted)
    await queue.enqueue_batch(batch(0))
    async with consuming(queue, job):
        await empty(queue)
    assert len(tries) == 3
    assert tries[1] - tries[0] >= 0.3
    assert counted[0].get() == retries + 2
    assert counted[1].get() >= claims + 3


async def test_a_job_that_raises_is_gone(queue: Queue) -> None:
    async def job(_: dict[str, object]) -> None:
        raise ValueError("a bug")

    await queue.enqueue_batch(batch(0))
    async with consuming(queue, job):
        await empty(queue)
    await queue.enqueue_batch(batch(0))
    assert (await queue.depths()).embed == 1, "its id is free again"


async def test_a_job_whose_command_redis_refuses_is_over(queue: Queue) -> None:
    tries: list[int] = []

    async def job(_: dict[str, object]) -> None:
        tries.append(1)
        await queue.redis.set("text", "no number")
        await queue.redis.incr("text")

    await queue.enqueue_batch(batch(0))
    async with consuming(queue, job):
        await empty(queue)
    assert len(tries) == 1


async def test_a_consumer_whose_queue_is_no_queue_says_so(queue: Queue) -> None:
    name = names.embed_queue(queue.pipeline)
    await queue.redis.set(name, "no queue")
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await Consumer(queue, name, EMBED_BATCH, Jobs().runs, concurrency=1).consume()


async def test_a_job_that_ended_while_redis_was_away_runs_no_more(
    queue: Queue, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "REDIS_RETRIES", 1)
    jobs = Jobs()
    await queue.enqueue_batch(batch(0))
    async with CuttingProxy(redis_server) as proxy:
        behind_it = Queue.open(proxy.url, queue.pipeline)
        with capture_logs() as logs:
            async with consuming(behind_it, jobs.waits):
                await jobs.started.wait()
                await proxy.close()
                jobs.go_on.set()

                async def not_recorded() -> bool:
                    return "end of job not recorded" in [line["event"] for line in logs]

                await until(not_recorded)
                await proxy.open()
                await empty(queue)
        await behind_it.close()
    assert jobs.numbers == [0]


async def test_a_job_that_came_back_before_its_end_was_told_runs_again(
    queue: Queue, redis_server: str
) -> None:
    tries: list[int] = []

    async def job(_: dict[str, object]) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RetryLater(3600)

    embed_queue = names.embed_queue(queue.pipeline)

    async def claimed() -> bool:
        """Whether somebody took the entry whose lease was over."""
        score = await queue.redis.zscore(embed_queue, job_id(0))
        return score is not None and score > 1

    await queue.enqueue_batch(batch(0))
    async with CuttingProxy(redis_server) as proxy:
        proxy.hold(hashlib.sha1(scripts.PUT_BACK.encode()).hexdigest())
        behind_it = Queue.open(proxy.url, queue.pipeline)
        async with consuming(behind_it, job):
            await proxy.held()
            await asyncio.sleep(0.002)  # leases are told apart by the ms in which they end
            await queue.redis.zadd(embed_queue, {job_id(0): 1})
            await until(claimed)
            proxy.let_go()
            await empty(queue)
        await behind_it.close()
    assert len(tries) == 2


async def test_an_idle_consumer_is_woken(queue: Queue) -> None:
    jobs = Jobs()
    wake = f"{names.embed_queue(queue.pipeline)}:wake"
    async with consuming(queue, jobs.waits), asyncio.timeout(PATIENCE_SECONDS):
        while not (await queue.redis.info("clients"))["blocked_clients"]:
            await asyncio.sleep(0.01)
        await queue.enqueue_batch(batch(0))
        await jobs.started.wait()
        jobs.go_on.set()
    assert not await queue.redis.exists(wake)


async def test_a_paused_consumer_takes_nothing_and_ends_what_runs(queue: Queue) -> None:
    jobs = Jobs()
    async with consuming(queue, jobs.waits, concurrency=2) as consumer:
        await queue.enqueue_batch(batch(0))
        await jobs.started.wait()
        consumer.pause("Qdrant is away")
        await queue.enqueue_batch(batch(1))
        jobs.go_on.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await queue.depths()).embed > 1:
                await asyncio.sleep(0.02)
        other = Jobs()
        async with consuming(queue, other.runs):
            await empty(queue)
        await queue.enqueue_batch(batch(2))
        consumer.resume()
        await empty(queue)
    assert jobs.numbers == [0, 2]
    assert other.numbers == [1], "left to another"


async def test_a_paused_consumer_drains(queue: Queue) -> None:
    jobs = Jobs()
    async with consuming(queue, jobs.runs) as consumer:
        consumer.pause("Qdrant is away")
        await queue.enqueue_batch(batch(0))
    assert (await queue.depths()).embed == 1
    assert jobs.numbers == []


async def test_draining_lets_a_job_end_and_starts_no_other(queue: Queue) -> None:
    jobs = Jobs()
    await queue.enqueue_batch(batch(0))
    async with consuming(queue, jobs.waits, concurrency=1) as consumer:
        await jobs.started.wait()
        await queue.enqueue_batch(batch(1))
        drained = asyncio.create_task(consumer.drain(PATIENCE_SECONDS))
        await asyncio.sleep(0)
        jobs.go_on.set()
        await drained
    assert jobs.numbers == [0]
    assert await queue.missing_batches("doc", 1, 2) == [0]


async def test_a_job_that_outlasts_the_drain_is_another_consumers_at_once(queue: Queue) -> None:
    jobs, other = Jobs(), Jobs()
    await queue.enqueue_batch(batch(0))
    async with consuming(queue, jobs.waits) as consumer:
        await jobs.started.wait()
        await consumer.drain(0)
        assert (await queue.depths()).embed == 1
        async with consuming(queue, other.runs):
            await empty(queue)
    assert other.numbers == [0]


@pytest.mark.parametrize("end", [signal.SIGSTOP, signal.SIGKILL], ids=["answers nothing", "is gone"])
async def test_a_drain_waits_for_no_job_while_redis(end: signal.Signals) -> None:
    jobs = Jobs()
    server = redis_process()
    server.start()
    lost = Queue.open(server.connection_url, "tests.pipeline")
    try:
        await lost.enqueue_batch(batch(0))
        async with asyncio.timeout(PATIENCE_SECONDS), consuming(lost, jobs.waits) as consumer:
            await jobs.started.wait()
            os.kill((await lost.redis.info("server"))["process_id"], end)
            await consumer.drain(2 * PATIENCE_SECONDS)
            assert not consumer.tasks
    finally:
        server.terminate()  # by SIGKILL: one that stands still takes no other signal
        await lost.close()


async def test_what_cannot_be_decoded_is_set_aside_and_stops_nothing(queue: Queue) -> None:
    jobs = Jobs()
    for number in range(6):
        await queue.enqueue_batch(batch(number))
    bad = {
        0: b"\xc1 no msgpack",
        1: msgpack.packb(["no", "job"]),
        2: msgpack.packb({"t": None, "f": "another_job", "a": [], "k": {}, "et": 0}),
        3: msgpack.packb({"t": None, "f": EMBED_BATCH, "a": [1, 2, 3], "k": {}, "et": 0}),
        4: msgpack.packb({"t": None, "f": EMBED_BATCH, "a": [{"document_id": 7}], "k": {}, "et": 0}),
    }
    for number, payload in bad.items():
        await queue.redis.set(job_key_prefix + job_id(number), payload)
    async with consuming(queue, jobs.runs):
        await empty(queue)
    assert jobs.numbers == [5]
    assert await set_aside(queue) == {job_id(number): payload for number, payload in bad.items()}
    assert not await queue.redis.keys(f"{job_key_prefix}*")


async def test_what_is_set_aside_is_bounded(queue: Queue) -> None:
    jobs = Jobs()
    for number in range(101):
        await queue.enqueue_batch(batch(number))
        await queue.redis.set(job_key_prefix + job_id(number), b"\xc1")
    async with consuming(queue, jobs.runs):
        await empty(queue)
    assert len(await set_aside(queue)) == 100


async def test_an_entry_without_payload_is_dropped(queue: Queue) -> None:
    jobs = Jobs()
    for number in range(2):
        await queue.enqueue_batch(batch(number))
    await queue.redis.delete(job_key_prefix + job_id(0))
    async with consuming(queue, jobs.runs):
        await empty(queue)
    assert jobs.numbers == [1]


async def test_the_queue_is_bounded_in_entries_and_in_bytes(queue: Queue) -> None:
    assert await queue.room(3, 1) == 3, "one fits, however large"
    await queue.enqueue_batch(batch(0, "x" * 10_000))
    await queue.enqueue_batch(batch(0, "x" * 10_000))
    assert await queue.room(3, 20_000) == 2
    assert await queue.room(3, 10_000) == 0
    assert await queue.room(1, 20_000) == 0
    async with consuming(queue, Jobs().runs):
        await empty(queue)
    assert await queue.room(3, 1) == 3


async def test_forgetting_takes_a_documents_jobs_off(queue: Queue) -> None:
    await queue.enqueue_document("doc", 1)
    await queue.enqueue_batch(batch(0))
    assert await queue.documents_queued([("doc", 1), ("doc", 2), ("other", 1)]) == [True, False, False]
    await queue.forget("doc", task=1, generation=1, batches=1)
    assert await queue.depths() == (0, 0)
    assert await queue.room(1, 1) == 1
    assert not await queue.redis.keys("arq:*")


async def test_a_queue_that_fills_redis_can_be_emptied(queue: Queue) -> None:
    jobs = Jobs()
    await queue.enqueue_batch(batch(0))
    await queue.redis.config_set("maxmemory", "1")
    try:
        async with consuming(queue, jobs.runs):
            await empty(queue)
    finally:
        await queue.redis.config_set("maxmemory", "0")
    assert jobs.numbers == [0]


async def test_a_wrong_password_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag_workloads.jobs.queue.CONNECT_SECONDS", 2 * PATIENCE_SECONDS)
    with redis_process() as redis:
        first = Queue.open(redis.connection_url, "tests.password")
        await first.redis.config_set("requirepass", "right")
        await first.close()
        address = redis.connection_url.removeprefix("redis://")
        with pytest.raises(AuthenticationError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await Queue.open(f"redis://:wrong@{address}", "tests.password").wait()
