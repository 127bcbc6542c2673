"""The queue of pipelines to reconcile."""

import asyncio

import pytest

from rag_operator import workqueue
from rag_operator.workqueue import Key, Workqueue

ONE, TWO = Key("team", "one"), Key("team", "two")


async def run(queue: Workqueue, seconds: float = 0.2) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await queue.run()


async def test_a_key_that_is_added_many_times_is_worked_on_once() -> None:
    done: list[Key] = []

    async def work(key: Key) -> None:
        done.append(key)

    queue = Workqueue(work, concurrency=2)
    for _ in range(5):
        queue.add(ONE)
    queue.add(TWO)
    await run(queue)
    assert sorted(done) == [ONE, TWO]


async def test_a_key_is_worked_on_by_one_at_a_time_and_again_when_added_meanwhile() -> None:
    running, most, passes = 0, 0, 0

    async def work(key: Key) -> None:
        nonlocal running, most, passes
        running, passes = running + 1, passes + 1
        most = max(most, running)
        if passes == 1:
            queue.add(key)
        await asyncio.sleep(0.01)
        running -= 1

    queue = Workqueue(work, concurrency=4)
    queue.add(ONE)
    await run(queue)
    assert (most, passes) == (1, 2)


async def test_a_key_that_fails_comes_back_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workqueue, "FIRST_DELAY_SECONDS", 0.01)
    done: list[Key] = []

    async def work(key: Key) -> None:
        done.append(key)
        if key == ONE and done.count(ONE) < 3:
            raise RuntimeError("no")

    queue = Workqueue(work, concurrency=1)
    queue.add(ONE)
    queue.add(TWO)
    await run(queue)
    assert done[:2] == [ONE, TWO]
    assert done.count(ONE) == 3
