"""Claims, renewals and their fence, on a real Redis; and each of them with its reply lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from redis.exceptions import ConnectionError
from tests.integration.cutting_proxy import CuttingProxy
from tests.patience import until

from rag_contract import names
from rag_workloads.jobs.leases import Leases
from rag_workloads.jobs.metrics import LEASES_EXPIRED
from rag_workloads.jobs.queue import Queue
from rag_workloads.jobs.scripts import LINE

PIPELINE = "tests.pipeline"
NAME = names.ingest_queue(PIPELINE)


def leases(redis: Redis, seconds: float = 30) -> Leases:
    return Leases(redis, NAME, seconds)


def job(number: int) -> str:
    return f"{NAME}:doc.{number}"


async def claimed(by: Leases, limit: int = 10) -> list[str]:
    return [entry.job_id for entry in await by.claim(limit)]


async def due(queue: Queue) -> float:
    """The time from which job 1 may be taken."""
    score = await queue.redis.zscore(NAME, job(1))
    assert score is not None
    return float(score)


def waits() -> tuple[float, float]:
    """How many waits are counted of the queue, and their seconds together."""
    samples = (f"queue_wait_seconds_{what}" for what in ("count", "sum"))
    count, seconds = (REGISTRY.get_sample_value(sample, {"queue": NAME}) or 0 for sample in samples)
    return count, seconds


async def enqueue(queue: Queue, *numbers: int) -> None:
    for number in numbers:
        await queue.enqueue_document("doc", number)


async def test_what_is_claimed_is_nobody_elses(queue: Queue) -> None:
    await enqueue(queue, 1, 2, 3)
    assert await claimed(leases(queue.redis), 2) == [job(1), job(2)]
    assert await claimed(leases(queue.redis)) == [job(3)]
    assert (await queue.depths()).ingest == 3, "those that run are counted"


async def test_a_lease_that_is_not_renewed_ends_and_its_job_goes_first(queue: Queue) -> None:
    await enqueue(queue, 1, 2)
    assert await claimed(leases(queue.redis, 0.001), 1) == [job(1)]
    await asyncio.sleep(0.002)
    assert await claimed(leases(queue.redis)) == [job(1), job(2)]


async def test_the_wait_of_an_entry_counts_when_it_is_first_taken(queue: Queue) -> None:
    before = waits()
    await enqueue(queue, 1, 2)
    await asyncio.sleep(0.1)
    holder = leases(queue.redis)
    assert await claimed(holder, 1) == [job(1)]
    count, seconds = waits()
    assert count == before[0] + 1
    assert seconds - before[1] > 0.09
    await holder.put_back(job(1))
    assert await claimed(holder) == [job(1), job(2)]
    assert waits()[0] == before[0] + 2


async def test_a_renewal_moves_the_end(queue: Queue) -> None:
    await enqueue(queue, 1)
    holder = leases(queue.redis)
    await holder.claim(1)
    before = await due(queue)
    await asyncio.sleep(0.01)
    await holder.renew()
    assert before < await due(queue)


@pytest.mark.parametrize("late", [Leases.renew, Leases.release])
async def test_whoever_lost_a_lease_changes_nothing(
    queue: Queue, late: Callable[[Leases], Awaitable[None]]
) -> None:
    await enqueue(queue, 1)
    first, second = leases(queue.redis, 0.001), leases(queue.redis)
    await first.claim(1)
    assert await until(lambda: claimed(second)) == [job(1)]
    ends = await due(queue)
    await late(first)
    assert await due(queue) == ends


async def test_what_is_put_back_is_due_after_its_delay(queue: Queue) -> None:
    await enqueue(queue, 1)
    first, second = leases(queue.redis), leases(queue.redis)
    await first.claim(1)
    await first.put_back(job(1), 3600)
    assert await claimed(second) == []
    await queue.redis.zadd(NAME, {job(1): 1})
    assert await claimed(second) == [job(1)]
    await second.put_back(job(1))
    assert await claimed(first) == [job(1)]


async def test_what_could_not_be_put_back_is_later(queue: Queue, redis_server: str) -> None:
    await enqueue(queue, 1)
    async with CuttingProxy(redis_server) as proxy:
        impatient = Redis.from_url(proxy.url)
        holder = leases(impatient)
        await holder.claim(1)
        ends = await due(queue)
        await proxy.close()
        with pytest.raises(ConnectionError):
            await holder.put_back(job(1), 3600)
        await proxy.open()
        await holder.put_back(job(1), 3600)
        await impatient.aclose()
    assert await due(queue) > ends
    assert not holder.holds(job(1))


async def life(queue: Queue) -> list[object]:
    """Everything that happens to entries, once; what is seen of it."""
    first, second = leases(queue.redis), leases(queue.redis)
    await enqueue(queue, 1, 2, 1)
    seen: list[object] = [await claimed(first, 1)]
    await first.renew()
    await first.put_back(job(1))
    seen.append(await claimed(second, 2))
    seen.append(await claimed(first))
    await second.done(job(1))
    await second.set_aside(job(2), b"why")
    await enqueue(queue, 3, 4)
    seen.append(await claimed(first))
    await first.release()
    seen.append(await claimed(second, 1))
    await queue.forget("doc", task=3, generation=3, batches=2)
    seen.append(await queue.documents_queued([("doc", number) for number in (1, 2, 3, 4)]))
    await second.done(job(4))
    seen.append(await queue.depths())
    return seen


async def left(queue: Queue) -> tuple[list[bytes], bytes | None]:
    """The keys that stay, without what is remembered of claims, and the bytes that are counted."""
    keys = [key for key in await queue.redis.keys() if b":claim:" not in key]
    return sorted(keys), await queue.redis.get(f"{NAME}:bytes")


@pytest.fixture
async def proxy(redis_server: str) -> AsyncIterator[CuttingProxy]:
    async with CuttingProxy(redis_server) as proxy:
        yield proxy


async def test_a_lost_reply_changes_nothing(queue: Queue, proxy: CuttingProxy) -> None:
    through = Queue.open(proxy.url, PIPELINE)
    await life(through)  # Redis knows the scripts from now on
    await queue.redis.flushdb()
    proxy.start()
    expected = await life(through)
    exchanges, keys = len(proxy.exchanges), await left(queue)
    assert expected[0] == [job(1)]
    assert expected[-1] == (0, 0)
    for number in range(1, exchanges + 1):
        await queue.redis.flushdb()
        proxy.start(cut_at=number)
        assert await life(through) == expected, f"exchange {number}"
        assert proxy.cuts == 1
        assert await left(queue) == keys
    await through.close()


async def test_a_claim_that_had_no_answer_is_answered_later(queue: Queue, proxy: CuttingProxy) -> None:
    await enqueue(queue, 1, 2)
    impatient = Redis.from_url(proxy.url)
    holder = leases(impatient)
    assert await claimed(holder, 1) == [job(1)]
    proxy.start(cut_at=1)
    with pytest.raises(ConnectionError):
        await holder.claim(1)
    assert await claimed(leases(queue.redis)) == []
    assert await claimed(holder, 1) == [job(2)]
    await impatient.aclose()


async def test_a_renewal_that_had_no_answer_is_ours_still(queue: Queue, proxy: CuttingProxy) -> None:
    await enqueue(queue, 1)
    impatient = Redis.from_url(proxy.url)
    holder = leases(impatient)
    await holder.claim(1)
    await holder.renew()
    await asyncio.sleep(0.01)
    proxy.start(cut_at=1)
    with pytest.raises(ConnectionError):
        await holder.renew()
    before = await due(queue)
    await asyncio.sleep(0.01)
    await holder.renew()
    assert before < await due(queue)
    await impatient.aclose()


async def test_a_look_tells_what_waits_what_runs_and_what_is_put_off(queue: Queue) -> None:
    assert (await queue.lines())[NAME] == (0, 0, 0, 0, [])
    await enqueue(queue, 1, 2, 3, 4)
    holder = leases(queue.redis)
    assert len(await holder.claim(3)) == 3
    await holder.put_back(job(2), 3600)
    assert (await queue.lines())[NAME][:3] == (1, 2, 1)
    await holder.put_back(job(1))
    assert (await queue.lines())[NAME][:3] == (2, 1, 1), "what is due again waits"


async def test_the_oldest_is_the_one_that_might_have_been_taken_first(queue: Queue) -> None:
    await enqueue(queue, 1)
    now = int((await queue.redis.time())[0]) * 1000
    await queue.redis.zadd(NAME, {job(1): now - 60_000 - LINE})
    assert 60 <= (await queue.lines())[NAME].oldest_seconds < 3600
    await queue.redis.zadd(NAME, {job(2): now - 7_200_000})
    assert 7200 <= (await queue.lines())[NAME].oldest_seconds < 9000, "nobody took what is due again"


async def test_a_lease_that_ran_out_is_counted_and_a_delay_that_is_over_is_not(queue: Queue) -> None:
    counted = LEASES_EXPIRED.labels(NAME)
    before = counted._value.get()
    await enqueue(queue, 1)
    first = leases(queue.redis, 0.001)
    await first.claim(1)
    assert await until(lambda: claimed(leases(queue.redis), 1)) == [job(1)]
    assert counted._value.get() == before + 1
    await enqueue(queue, 2)
    other = leases(queue.redis)
    assert await claimed(other) == [job(2)]
    await other.put_back(job(2))
    assert await claimed(other) == [job(2)]
    assert counted._value.get() == before + 1
