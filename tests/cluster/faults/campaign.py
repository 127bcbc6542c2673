"""A choice of faults, so many trials at a time, and the table of what became of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from tests.cluster.faults.disturbances import ARRANGEMENTS, DISTURBANCES, OF_THE_CLUSTER
from tests.cluster.faults.proxy import Harm, LosingReplies, Refusing, Slow
from tests.cluster.faults.trials import Act, Moment, Outcome, Trials

ACTS: tuple[Act, ...] = ("create", "update", "delete")
MOMENTS: tuple[Moment, ...] = ("before", "after")
# A page of a watch that is too old; writes that met another's, came too often, or hit a server that fails.
REFUSALS = (409, 429, 500)
GONE = 410

Trial = Callable[[Trials], Awaitable[Outcome | None]]


@dataclass(frozen=True)
class Campaign:
    """Which faults: the operator is killed around each of these writes, and each request waits so long."""

    writes: Sequence[int]
    inherited_writes: Sequence[int]
    """At which of them there are two operators, and the other goes on."""
    slow_seconds: float
    at_once: int

    def trials(self) -> Iterator[Trial]:
        """Return the trials."""
        for act in ACTS:
            for number in self.writes:
                for moment in MOMENTS:
                    yield _killing(act, number, moment)
            for number in self.inherited_writes:
                for moment in MOMENTS:
                    yield _killing(act, number, moment, heir=True)
        yield _harming("API server slow", f"{self.slow_seconds} s a request", lambda: Slow(self.slow_seconds))
        for status in REFUSALS:
            yield _harming("API server refuses", f"{status} to every second write", _refusing(status))
        yield _harming("API server refuses", f"{GONE} to watches", _refusing(GONE, watches=True))
        yield _harming("replies lost", "the first of each write", LosingReplies)
        for kind in DISTURBANCES:
            yield _disturbing(kind)

    async def run(self, trials: Trials, say: Callable[[str], None] = print) -> list[Outcome]:
        """Make all trials; those of writes that there are not are left out."""
        for act in ACTS:
            await trials.wanted(act)
        free = asyncio.Semaphore(self.at_once)
        outcomes = list[Outcome]()

        async def make(trial: Trial) -> None:
            async with free:
                if outcome := await trial(trials):
                    outcomes.append(outcome)
                    say(f"{len(outcomes)} trials, {sum(each.recovered for each in outcomes)} recovered")

        async with asyncio.TaskGroup() as group:
            for trial in self.trials():
                group.create_task(make(trial))
        for kind, disturbance in OF_THE_CLUSTER.items():
            outcomes.append(await trials.disturb(kind, disturbance))
        return sorted(outcomes)


def table(outcomes: Iterable[Outcome]) -> Table:
    """Return the outcomes by kind."""
    shown = Table("fault", "trials", "recovered", "passwords changed", "slowest, s")
    for kind, told in by_kind(outcomes).items():
        shown.add_row(kind, *(str(value) for value in told.values()))
    return shown


def by_kind(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """Return how many of each kind recovered, and how long the slowest took."""
    kinds: dict[str, list[Outcome]] = {}
    for each in outcomes:
        kinds.setdefault(each.kind, []).append(each)
    return {kind: summary(those) for kind, those in kinds.items()}


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures of some outcomes."""
    return {
        "trials": len(outcomes),
        "recovered": sum(each.recovered for each in outcomes),
        "passwords_changed": sum(each.passwords_changed for each in outcomes),
        "slowest_seconds": max((each.seconds for each in outcomes), default=0),
    }


def _killing(act: Act, number: int, moment: Moment, *, heir: bool = False) -> Trial:
    return lambda trials: trials.kill(act, number, moment, heir=heir)


def _harming(kind: str, fault: str, harm: Callable[[], Harm]) -> Trial:
    return lambda trials: trials.harm(kind, fault, harm())


def _refusing(status: int, *, watches: bool = False) -> Callable[[], Harm]:
    return lambda: Refusing(status, watches=watches)


def _disturbing(kind: str) -> Trial:
    return lambda trials: trials.disturb(kind, DISTURBANCES[kind], ARRANGEMENTS.get(kind))
