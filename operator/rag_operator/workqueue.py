"""A queue of pipelines to reconcile: each one at a time, many at once, again after a failure."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from rag_operator import metrics

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0
log = structlog.get_logger()


class Key(NamedTuple):
    """A pipeline, by name."""

    namespace: str
    name: str


class Workqueue:
    """Calls `work` for every key that was added.

    A key that is added many times before its turn is worked on once; one that is added while it is worked on
    has another turn. Keys that fail come back after a delay that doubles, and never hold up the others.
    """

    def __init__(self, work: Callable[[Key], Awaitable[None]], concurrency: int) -> None:
        self._work = work
        self._concurrency = concurrency
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: dict[Key, float] = {}  # since when
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        metrics.WAITING.set_function(lambda: len(self._waiting))

    def add(self, key: Key) -> None:
        """Ask for a pass over a pipeline."""
        if key in self._waiting:
            return
        self._waiting[key] = time.monotonic()
        if key not in self._running:
            self._ready.put_nowait(key)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._concurrency):
                tasks.create_task(self._run_one())

    async def _run_one(self) -> None:
        while True:
            key = await self._ready.get()
            started = time.monotonic()
            metrics.WAIT_SECONDS.observe(started - self._waiting.pop(key))
            self._running.add(key)
            try:
                await self._work(key)
            except Exception as error:
                self._retry(key, error)
            else:
                self._failures.pop(key, None)
                metrics.FAILED_PASSES.remove(*key)
                metrics.RECONCILES.labels("success").inc()
            finally:
                self._running.discard(key)
                metrics.RECONCILE_SECONDS.observe(time.monotonic() - started)
            if key in self._waiting:
                self._ready.put_nowait(key)

    def _retry(self, key: Key, error: Exception) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        metrics.FAILED_PASSES.labels(*key).set(failures)
        delay = min(FIRST_DELAY_SECONDS * 2 ** (failures - 1), LONGEST_DELAY_SECONDS)
        metrics.RECONCILES.labels("error").inc()
        log.error("reconcile failed", namespace=key.namespace, pipeline=key.name, delay=delay, exc_info=error)
        asyncio.get_running_loop().call_later(delay, self.add, key)
