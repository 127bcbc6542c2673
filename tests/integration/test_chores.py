"""What one process at a time does for a pipeline."""

import pytest
from tests.integration.conftest import PIPELINE
from tests.integration.cutting_proxy import CuttingProxy

from rag_workloads.jobs.queue import Queue
from rag_workloads.library.chores import Chores


@pytest.fixture
def chores(queue: Queue) -> Chores:
    return Chores(queue.redis, PIPELINE)


async def test_one_process_at_a_time_has_the_turn(chores: Chores) -> None:
    assert [await chores.turn("recovery", 60) for _ in range(2)] == [True, False]
    assert await chores.turn("sweep", 60)


async def test_a_turn_whose_reply_is_lost_is_still_ours(queue: Queue, redis_server: str) -> None:
    async with CuttingProxy(redis_server) as proxy:
        through = Queue.open(proxy.url, PIPELINE)
        proxy.start(cut_at=1)
        assert await Chores(through.redis, PIPELINE).turn("recovery", 60)
        assert proxy.cuts == 1
        await through.close()
    assert not await Chores(queue.redis, PIPELINE).turn("recovery", 60)


async def test_what_is_done_alone_is_another_s_turn_as_soon_as_it_is_over(chores: Chores) -> None:
    async with chores.alone("drop", 60) as first, chores.alone("drop", 60) as second:
        assert (first, second) == (True, False)
    async with chores.alone("drop", 60) as third:
        assert third


async def test_whoever_waits_does_not_end_the_turn_of_another(chores: Chores) -> None:
    async with chores.alone("drop", 60):
        for _ in range(2):
            async with chores.alone("drop", 60) as ours:
                assert not ours


async def test_a_sweep_is_asked_for_until_it_is_done(chores: Chores) -> None:
    assert await chores.sweep_asked() is None
    await chores.ask_for_sweep()
    first = await chores.sweep_asked()
    assert first
    await chores.ask_for_sweep()
    second = await chores.sweep_asked()
    assert second
    await chores.sweep_answered(first)
    assert await chores.sweep_asked() == second, "it was asked for again while the first was done"
    for _ in range(2):
        await chores.sweep_answered(second)
    assert await chores.sweep_asked() is None
