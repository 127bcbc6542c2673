"""A queue of pipelines to reconcile: each one at a time, many at once, again after a failure."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import IntEnum
from itertools import count
from typing import NamedTuple

import structlog

from rag_operator import metrics
from rag_operator.keys import Key

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0
log = structlog.get_logger()


Work = Callable[[Key], Awaitable[bool]]
"""A pass; it says whether nothing is left to be tried again."""


class Urgency(IntEnum):
    """Why a pass is asked for; the first come first."""

    CHANGE = 0
    """Its spec changed: even a pipeline whose passes fail is tried again at once."""
    EVENT = 1
    """Something happened to its children, or to what it uses."""
    SWEEP = 2
    """Nothing that is known of: for what no event tells."""


class _Turn(NamedTuple):
    since: float
    urgency: Urgency


class Workqueue:
    """Calls `Work` for every key that was added.

    A key that is added many times before its turn is worked on once; one that is added while it is worked on
    has another turn. Keys that fail come back after a delay that doubles, and never hold up the others; until
    then only a change of the pipeline itself is heard. What is not as it should be, though nothing failed, is
    looked at again after `again_seconds`. To be used in the thread of its loop alone.
    """

    def __init__(self, concurrency: int, again_seconds: float) -> None:
        self._concurrency = concurrency
        self._again_seconds = again_seconds
        self._ready: asyncio.PriorityQueue[tuple[Urgency, int, Key]] = asyncio.PriorityQueue()
        self._turns = count()
        self._waiting: dict[Key, _Turn] = {}
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._later: dict[Key, asyncio.TimerHandle] = {}
        metrics.WAITING.set_function(lambda: len(self._waiting))

    def add(self, key: Key, urgency: Urgency = Urgency.EVENT) -> None:
        """Ask for a pass over a pipeline."""
        if key not in self._failures or urgency is Urgency.CHANGE:
            self._add(key, urgency)

    async def run(self, work: Work) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._concurrency):
                tasks.create_task(self._run_one(work))

    def _add(self, key: Key, urgency: Urgency) -> None:
        known = self._waiting.get(key)
        if known and known.urgency <= urgency:
            return
        self._waiting[key] = _Turn(known.since if known else time.monotonic(), urgency)
        if key not in self._running:
            self._line_up(key)

    def _line_up(self, key: Key) -> None:
        self._ready.put_nowait((self._waiting[key].urgency, next(self._turns), key))

    async def _run_one(self, work: Work) -> None:
        while True:
            _, _, key = await self._ready.get()
            if key not in self._waiting or key in self._running:
                continue  # it became more urgent meanwhile, and had its turn
            await self._pass(key, work)
            if key in self._waiting:
                self._line_up(key)

    async def _pass(self, key: Key, work: Work) -> None:
        started = time.monotonic()
        metrics.WAIT_SECONDS.observe(started - self._waiting.pop(key).since)
        if planned := self._later.pop(key, None):
            planned.cancel()
        self._running.add(key)
        try:
            settled = await work(key)
        except Exception as error:
            self._retry(key, error)
        else:
            self._failures.pop(key, None)
            metrics.FAILED_PASSES.remove(*key)
            metrics.RECONCILES.labels("success").inc()
            if not settled:
                self._plan(key, self._again_seconds)
        finally:
            self._running.discard(key)
            metrics.RECONCILE_SECONDS.observe(time.monotonic() - started)

    def _retry(self, key: Key, error: Exception) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        metrics.FAILED_PASSES.labels(*key).set(failures)
        delay = min(FIRST_DELAY_SECONDS * 2 ** (failures - 1), LONGEST_DELAY_SECONDS)
        metrics.RECONCILES.labels("error").inc()
        log.error("reconcile failed", namespace=key.namespace, pipeline=key.name, delay=delay, exc_info=error)
        if self._waiting.get(key, _Turn(0, Urgency.EVENT)).urgency is not Urgency.CHANGE:
            self._waiting.pop(key, None)  # the retry sees what happened meanwhile
        self._plan(key, delay)

    def _plan(self, key: Key, delay: float) -> None:
        self._later[key] = asyncio.get_running_loop().call_later(delay, self._add, key, Urgency.EVENT)
