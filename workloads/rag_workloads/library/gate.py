"""Stops the consumer while something that it needs is away, and lets it go on when that is back."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol

import structlog
from redis.exceptions import RedisError

from rag_contract.stats import ProblemComponent
from rag_workloads.library.problems import Problems, problem_of
from rag_workloads.web import metrics

# Between two questions whether it is back: each twice the last, as long as the outage lasts.
FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 15.0
PROBE_SECONDS = 10.0
# What is away again sooner than this after it came back, as a disk that is full, is the same outage.
CALM_SECONDS = 60.0

Probe = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)


class Pausable(Protocol):
    """A queue's consumer."""

    def pause(self, reason: str) -> None:
        """Take no more jobs until `resume`."""

    def resume(self) -> None:
        """Take jobs again."""


class Gate:
    """Knows which dependencies are away.

    A job that meets one calls `away` and raises RetryLater, which counts nothing against its document:

        except VectorStoreAway as error:
            self.gate.away("vector-store", error)
            raise RetryLater(HAND_BACK_SECONDS) from error

    `watch` does the rest.
    """

    def __init__(
        self,
        probes: Mapping[ProblemComponent, Probe],
        problems: Problems,
        fatal: tuple[type[Exception], ...] = (),
    ) -> None:
        """`probes` are the dependencies by the names of their components; each raises while it is away.

        `fatal` is what a probe raises that will not pass by itself.
        """
        self._probes, self._problems, self._fatal = probes, problems, fatal
        self._away: dict[ProblemComponent, Exception] = {}
        self._closed = asyncio.Event()
        self._pause_seconds, self._opened = FIRST_PAUSE_SECONDS, -CALM_SECONDS

    def away(self, component: ProblemComponent, error: Exception) -> None:
        """Take a dependency for away, for what `error` says, until its probe succeeds. Again is fine."""
        if component not in self._away:
            log.warning("dependency away", component=component, reason=str(error))
            metrics.OUTAGES.labels(component).inc()
            metrics.PAUSED.labels(component).set(1)
            self._away[component] = error
        self._closed.set()

    async def watch(self, consumer: Pausable) -> None:
        """Keep `consumer` paused whenever something is away, for ever.

        Each pod says in Redis what it waits for. Raises what a probe raises that is fatal.
        """
        loop = asyncio.get_running_loop()
        while True:
            await self._closed.wait()
            consumer.pause("; ".join(map(str, self._away.values())))
            if loop.time() - self._opened >= CALM_SECONDS:
                self._pause_seconds = FIRST_PAUSE_SECONDS
            while self._away:
                await self._report()
                await asyncio.sleep(self._pause_seconds * random.uniform(0.5, 1))
                self._pause_seconds = min(2 * self._pause_seconds, LAST_PAUSE_SECONDS)
                for component in list(self._away):
                    await self._ask(component)
            self._closed.clear()
            self._opened = loop.time()
            consumer.resume()

    async def _ask(self, component: ProblemComponent) -> None:
        """Ask a dependency that is away; forget that it was if it answers."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._probes[component]()
        except self._fatal:
            raise
        except Exception as error:
            log.info("dependency still away", component=component, reason=str(error) or type(error).__name__)
            return
        log.info("dependency back", component=component)
        del self._away[component]
        metrics.PAUSED.labels(component).set(0)
        with _without_redis():
            await self._problems.clear(component)

    async def _report(self) -> None:
        with _without_redis():
            for component, error in list(self._away.items()):
                await self._problems.report(problem_of(component, error))


@contextlib.contextmanager
def _without_redis() -> Iterator[None]:
    """The report is a courtesy: it is made again soon, and ends by itself."""
    try:
        yield
    except (RedisError, OSError) as error:
        log.warning("problem not reported", reason=str(error))
