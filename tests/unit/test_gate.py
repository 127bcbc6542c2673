"""The gate that stops the consumer during an outage."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from redis.exceptions import ConnectionError
from tests.patience import PATIENCE_SECONDS

from rag_contract.stats import ComponentProblem, ProblemComponent
from rag_workloads import tasks
from rag_workloads.embedding.engine import EngineAway, Unsupported
from rag_workloads.library import gate
from rag_workloads.library.collections import CollectionRefused, VectorStoreAway
from rag_workloads.library.gate import Gate, Probe


class Consumer:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause(self, reason: str) -> None:
        self.told.append(reason)

    def resume(self) -> None:
        self.told.append("resume")


class KeptProblems:
    """Keeps what is reported; without Redis it cannot."""

    def __init__(self) -> None:
        self.known: dict[str, ComponentProblem] = {}
        self.redis_away = False
        self.reports = 0

    async def report(self, problem: ComponentProblem) -> None:
        if self.redis_away:
            raise ConnectionError("no Redis")
        self.reports += 1
        self.known[problem.component] = problem

    async def clear(self, component: str) -> None:
        if self.redis_away:
            raise ConnectionError("no Redis")
        del self.known[component]


class Dependency:
    """Away until it has been asked `times` times."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.times, self._error = times, error or OSError("still away")
        self.asked = 0

    async def __call__(self) -> None:
        self.asked += 1
        if self.asked <= self.times:
            raise self._error


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(gate, "LAST_PAUSE_SECONDS", 0.004)


@pytest.fixture
def problems() -> KeptProblems:
    return KeptProblems()


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


def gate_of(problems: KeptProblems, probes: dict[ProblemComponent, Probe]) -> Gate:
    return Gate(probes, problems, fatal=(CollectionRefused, Unsupported))  # type: ignore[arg-type]


async def watch_until_open(watched: Gate, consumer: Consumer) -> None:
    """Watch until the consumer was told to go on, or watching broke off."""
    watching = asyncio.create_task(watched.watch(consumer))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "resume" not in consumer.told[-1:] and not watching.done():
            await asyncio.sleep(0)
    tasks.check(watching)
    await tasks.end(watching)


async def test_the_consumer_rests_until_the_dependency_answers(
    consumer: Consumer, problems: KeptProblems
) -> None:
    store = Dependency(3)
    watched = gate_of(problems, {"vector-store": store})
    watched.away("vector-store", VectorStoreAway("no connection"))
    watched.away("vector-store", VectorStoreAway("no connection"))
    await watch_until_open(watched, consumer)
    assert consumer.told == ["no connection", "resume"]
    assert store.asked == 4
    assert problems.known == {}
    assert problems.reports == 4


async def test_one_that_is_back_does_not_end_the_outage_of_another(
    consumer: Consumer, problems: KeptProblems
) -> None:
    engine = Dependency(5)
    watched = gate_of(problems, {"vector-store": Dependency(0), "embedding": engine})
    watched.away("vector-store", VectorStoreAway("no connection"))
    watched.away("embedding", EngineAway("503"))
    await watch_until_open(watched, consumer)
    assert consumer.told == ["no connection; 503", "resume"]
    assert engine.asked == 6


async def test_an_outage_is_seen_in_metrics_and_in_redis(consumer: Consumer, problems: KeptProblems) -> None:
    def paused() -> float | None:
        return REGISTRY.get_sample_value("consuming_paused", {"component": "vector-store"})

    seen: list[tuple[float | None, list[ComponentProblem]]] = []

    class Watched(Dependency):
        async def __call__(self) -> None:
            seen.append((paused(), list(problems.known.values())))

    before = REGISTRY.get_sample_value("dependency_outages_total", {"component": "vector-store"}) or 0
    watched = gate_of(problems, {"vector-store": Watched(0)})
    watched.away("vector-store", VectorStoreAway("no connection"))
    await watch_until_open(watched, consumer)
    problem = ComponentProblem(component="vector-store", reason="VectorStoreAway", message="no connection")
    assert seen == [(1, [problem])]
    assert paused() == 0
    after = REGISTRY.get_sample_value("dependency_outages_total", {"component": "vector-store"})
    assert after == before + 1


async def test_pauses_grow_and_do_not_start_again_if_it_is_soon_away_again(
    consumer: Consumer, problems: KeptProblems
) -> None:
    watched = gate_of(problems, {"vector-store": Dependency(1)})
    for expected in (0.004, 0.004):
        watched.away("vector-store", VectorStoreAway("no space left"))
        await watch_until_open(watched, consumer)
        assert watched._pause_seconds == expected
        consumer.told.clear()


async def test_an_outage_of_redis_too_stops_no_recovery(consumer: Consumer, problems: KeptProblems) -> None:
    problems.redis_away = True
    watched = gate_of(problems, {"vector-store": Dependency(2)})
    watched.away("vector-store", VectorStoreAway("no connection"))
    await watch_until_open(watched, consumer)
    assert consumer.told[-1] == "resume"


@pytest.mark.parametrize("error", [CollectionRefused("another's"), Unsupported("another model")])
async def test_what_will_not_pass_ends_the_watch(
    consumer: Consumer, problems: KeptProblems, error: Exception
) -> None:
    watched = gate_of(problems, {"vector-store": Dependency(1, error)})
    watched.away("vector-store", VectorStoreAway("no connection"))
    with pytest.raises(type(error)):
        await watch_until_open(watched, consumer)
    assert "resume" not in consumer.told
