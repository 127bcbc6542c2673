"""What pods report of their problems, on a real Redis."""

import pytest

from rag_contract.stats import ComponentProblem
from rag_workloads.jobs.queue import Queue
from rag_workloads.library import problems
from rag_workloads.library.collections import VectorStoreAway
from rag_workloads.library.problems import Problems

AWAY = ComponentProblem(component="vector-store", reason="VectorStoreAway", message="Qdrant is away.")


async def test_a_problem_that_several_pods_have_is_one(queue: Queue) -> None:
    first, second = (Problems(queue.redis, "p", pod) for pod in ("pod-1", "pod-2"))
    assert await first.now() == []
    await first.report(AWAY)
    await first.report(AWAY)
    await second.report(AWAY)
    other = ComponentProblem(component="embedding", reason="EngineAway", message="HTTP status 503")
    await second.report(other)
    assert await first.now() == [other, AWAY]
    await first.clear("vector-store")
    assert await first.now() == [other, AWAY]
    await second.clear("vector-store")
    assert await first.now() == [other]


async def test_what_is_not_reported_again_goes_by_itself(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, gone = (Problems(queue.redis, "p", pod) for pod in ("here", "gone"))
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: 0.0)
        await gone.report(AWAY)
    assert await here.now() == []
    assert 0 < await queue.redis.ttl("p:problems") <= problems.KEPT_SECONDS


async def test_what_keeps_a_start_is_told_and_taken_back(queue: Queue) -> None:
    new, old = (Problems(queue.redis, "p", pod) for pod in ("new", "old"))
    await new.tell_start("vector-store", VectorStoreAway("Qdrant is away."))
    starting = AWAY.model_copy(update={"starting": True})
    assert await old.now() == [starting]
    await old.report(AWAY)
    assert await old.now() == [AWAY, starting]
    await new.tell_start("vector-store", None)
    assert await old.now() == [AWAY]
