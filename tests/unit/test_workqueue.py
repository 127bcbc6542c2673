"""The queue of pipelines to reconcile."""

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY
from tests.patience import PATIENCE_SECONDS

from rag_operator import workqueue
from rag_operator.keys import Key
from rag_operator.workqueue import Urgency, Work, Workqueue

ONE, TWO = Key("team", "one"), Key("team", "two")


async def run_until(queue: Workqueue, work: Work, done: Callable[[], bool]) -> None:
    """Run a queue until something holds, and a moment longer for what should not happen."""
    task = asyncio.create_task(queue.run(work))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not done():
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    task.cancel()


async def test_a_key_that_is_added_many_times_is_worked_on_once() -> None:
    done: list[Key] = []

    async def work(key: Key) -> bool:
        done.append(key)
        return True

    queue = Workqueue(concurrency=2, again_seconds=60)
    for _ in range(5):
        queue.add(ONE)
    queue.add(TWO)
    waits = REGISTRY.get_sample_value("ragpipeline_operator_queue_wait_seconds_count") or 0
    await run_until(queue, work, lambda: len(done) >= 2)
    assert sorted(done) == [ONE, TWO]
    assert REGISTRY.get_sample_value("ragpipeline_operator_queue_wait_seconds_count") == waits + 2


async def test_a_key_is_worked_on_by_one_at_a_time_and_again_when_added_meanwhile() -> None:
    running, most, passes = 0, 0, 0

    async def work(key: Key) -> bool:
        nonlocal running, most, passes
        running, passes = running + 1, passes + 1
        most = max(most, running)
        if passes == 1:
            queue.add(key)
        await asyncio.sleep(0.01)
        running -= 1
        return True

    queue = Workqueue(concurrency=4, again_seconds=60)
    queue.add(ONE)
    await run_until(queue, work, lambda: passes >= 2)
    assert (most, passes) == (1, 2)


async def test_a_key_that_fails_comes_back_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workqueue, "FIRST_DELAY_SECONDS", 0.01)
    done: list[Key] = []

    async def work(key: Key) -> bool:
        done.append(key)
        if key == ONE and done.count(ONE) < 3:
            raise RuntimeError("no")
        return True

    queue = Workqueue(concurrency=1, again_seconds=60)
    queue.add(ONE)
    queue.add(TWO)
    await run_until(queue, work, lambda: done.count(ONE) >= 3)
    assert done[:2] == [ONE, TWO]
    assert done.count(ONE) == 3


async def test_passes_that_fail_in_a_row_are_told_until_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workqueue, "FIRST_DELAY_SECONDS", 0.01)
    told: list[float | None] = []

    def failed() -> float | None:
        return REGISTRY.get_sample_value(
            "ragpipeline_failed_passes", {"namespace": ONE.namespace, "pipeline": ONE.name}
        )

    async def work(_: Key) -> bool:
        told.append(failed())
        if len(told) < 3:
            raise RuntimeError("no")
        return True

    queue = Workqueue(concurrency=1, again_seconds=60)
    queue.add(ONE)
    assert REGISTRY.get_sample_value("ragpipeline_operator_queue_depth") == 1
    await run_until(queue, work, lambda: len(told) == 3)
    assert [*told, failed()] == [None, 1, 2, None]


async def test_a_change_goes_before_events_and_these_before_a_sweep() -> None:
    done: list[str] = []

    async def work(key: Key) -> bool:
        done.append(key.name)
        return True

    queue = Workqueue(concurrency=1, again_seconds=60)
    for name in ("a", "b", "c"):
        queue.add(Key("team", name), Urgency.SWEEP)
    queue.add(Key("team", "event"))
    queue.add(Key("team", "changed"), Urgency.CHANGE)
    queue.add(Key("team", "c"), Urgency.CHANGE)
    await run_until(queue, work, lambda: len(done) >= 5)
    assert done == ["changed", "c", "event", "a", "b"]


async def test_a_key_that_fails_waits_whatever_happens_but_for_a_change_of_its_own() -> None:
    done: list[Key] = []

    async def work(key: Key) -> bool:
        done.append(key)
        if key == ONE:
            queue.add(ONE)  # as of an event while it is worked on
            raise RuntimeError("no")
        return True

    queue = Workqueue(concurrency=1, again_seconds=60)
    queue.add(ONE)
    await run_until(queue, work, lambda: len(done) >= 1)
    for urgency in (Urgency.EVENT, Urgency.SWEEP):
        queue.add(ONE, urgency)
    queue.add(TWO)
    await run_until(queue, work, lambda: len(done) >= 2)
    assert done == [ONE, TWO]
    queue.add(ONE, Urgency.CHANGE)
    await run_until(queue, work, lambda: len(done) >= 3)
    assert done == [ONE, TWO, ONE]


async def test_what_is_not_as_it_should_be_is_looked_at_again() -> None:
    done: list[Key] = []

    async def work(key: Key) -> bool:
        done.append(key)
        return len(done) > 2

    queue = Workqueue(concurrency=1, again_seconds=0.01)
    queue.add(ONE)
    await run_until(queue, work, lambda: len(done) >= 3)
    assert done == [ONE] * 3
