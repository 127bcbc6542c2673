"""The queue of pipelines to reconcile."""

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY
from tests.patience import PATIENCE_SECONDS

from rag_operator import workqueue
from rag_operator.workqueue import Key, Workqueue

ONE, TWO = Key("team", "one"), Key("team", "two")


async def run_until(queue: Workqueue, done: Callable[[], bool]) -> None:
    """Run a queue until something holds, and a moment longer for what should not happen."""
    task = asyncio.create_task(queue.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not done():
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    task.cancel()


async def test_a_key_that_is_added_many_times_is_worked_on_once() -> None:
    done: list[Key] = []

    async def work(key: Key) -> None:
        done.append(key)

    queue = Workqueue(work, concurrency=2)
    for _ in range(5):
        queue.add(ONE)
    queue.add(TWO)
    waits = REGISTRY.get_sample_value("ragpipeline_operator_queue_wait_seconds_count") or 0
    await run_until(queue, lambda: len(done) >= 2)
    assert sorted(done) == [ONE, TWO]
    assert REGISTRY.get_sample_value("ragpipeline_operator_queue_wait_seconds_count") == waits + 2


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
    await run_until(queue, lambda: passes >= 2)
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
    await run_until(queue, lambda: done.count(ONE) >= 3)
    assert done[:2] == [ONE, TWO]
    assert done.count(ONE) == 3


async def test_passes_that_fail_in_a_row_are_told_until_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workqueue, "FIRST_DELAY_SECONDS", 0.01)
    told: list[float | None] = []

    def failed() -> float | None:
        return REGISTRY.get_sample_value(
            "ragpipeline_failed_passes", {"namespace": ONE.namespace, "pipeline": ONE.name}
        )

    async def work(_: Key) -> None:
        told.append(failed())
        if len(told) < 3:
            raise RuntimeError("no")

    queue = Workqueue(work, concurrency=1)
    queue.add(ONE)
    assert REGISTRY.get_sample_value("ragpipeline_operator_queue_depth") == 1
    await run_until(queue, lambda: len(told) == 3)
    assert [*told, failed()] == [None, 1, 2, None]
