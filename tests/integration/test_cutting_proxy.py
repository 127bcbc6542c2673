"""The proxy that loses replies, so that tests which trust it do so rightly."""

from tests.integration.cutting_proxy import CuttingProxy

from rag_workloads.jobs.queue import Queue


async def test_a_command_whose_reply_is_lost_ran_and_is_sent_again(queue: Queue, redis_server: str) -> None:
    async with CuttingProxy(redis_server) as proxy:
        client = Queue.open(proxy.url, queue.pipeline)
        proxy.start(cut_at=2)
        for _ in range(3):
            await client.redis.incr("counter")
        await client.close()
    assert proxy.exchanges == ["INCRBY"] * 4
    assert proxy.cuts == 1
    assert await queue.redis.get("counter") == b"4"


async def test_every_nth_reply_is_lost(queue: Queue, redis_server: str) -> None:
    async with CuttingProxy(redis_server) as proxy:
        client = Queue.open(proxy.url, queue.pipeline)
        proxy.start(cut_every=3)
        for _ in range(4):
            await client.redis.incr("counter")
        await client.close()
    assert len(proxy.exchanges) == 5
    assert proxy.cuts == 1
