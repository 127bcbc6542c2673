"""The worker that runs a queue's jobs: ARQ's, with another way to take, hold and end entries.

ARQ 0.28 asks for all due ids every 50 ms, those that run too, then for each in four round trips whether it is
free; its lease is set once, to the longest that a job may take; it counts cancels as tries. Here one script
claims as many entries as there are free slots, with their payloads, and an idle consumer blocks in Redis
until something is queued. Payloads keep ARQ's form, packed by msgpack: pickle would run what it reads.
"""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, cast

import arq
import msgpack
import structlog
from arq.jobs import DeserializationError, deserialize_job_raw
from redis.exceptions import RedisError

from rag_workloads import tasks, tracing
from rag_workloads.jobs import metrics
from rag_workloads.jobs.leases import RENEW_SECONDS, Entry, Leases
from rag_workloads.jobs.payloads import Undecodable
from rag_workloads.jobs.presence import TELL_SECONDS, Presence, own_name
from rag_workloads.jobs.queue import Queue, unpack
from rag_workloads.jobs.redis_errors import AWAY

RESTART_SECONDS = 1
# For what is still asked of Redis when a consumer stops, and how often it looks whether Redis is there.
STOP_SECONDS = 2
LOOK_SECONDS = 5
# Of a payload that is set aside: enough to see what it is.
KEPT_BYTES = 4096

Job = Callable[..., Awaitable[None]]

log = structlog.get_logger(__name__)


class RetryLater(Exception):
    """Raised by a job that is to run again after `delay` seconds; nothing counts how often."""

    def __init__(self, delay: float) -> None:
        super().__init__(f"retry in {delay} s")
        self.delay = delay


class Consumer(arq.Worker):
    """Runs `job(*args)` for the entries of a queue that are called `name`, `concurrency` at a time.

    A job that raises `RetryLater` comes back, as one does that is cancelled or loses Redis; one that raises
    `Undecodable` is set aside; any other exception ends it. Its id is in every log line.
    """

    def __init__(self, queue: Queue, queue_name: str, name: str, job: Job, *, concurrency: int) -> None:
        super().__init__(
            [arq.func(cast(Any, job), name=name)],
            queue_name=queue_name,
            redis_pool=queue.redis,
            handle_signals=False,
            max_jobs=concurrency,
            job_deserializer=unpack,
        )
        self._job, self._signature, self._job_name = job, inspect.signature(job), name
        self._leases = Leases(queue.redis, queue_name)
        self._presence, self._name = Presence(queue.redis, queue_name), own_name()
        metrics.begin(queue_name)
        self._paused: str | None = None
        self._changed = asyncio.Event()
        # What was claimed again, after its lease was over, before its run here was.
        self._again: dict[str, Entry] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._nap: asyncio.Task[bool] | None = None

    def pause(self, reason: str) -> None:
        """Take no more jobs until `resume`; those that run go on."""
        if self._paused is None:
            log.warning("consuming paused", queue=self.queue_name, reason=reason)
        self._paused = reason

    def resume(self) -> None:
        """Take jobs again."""
        if self._paused is not None:
            log.info("consuming resumed", queue=self.queue_name)
        self._paused = None
        self._changed.set()

    async def consume(self) -> None:
        """Run jobs until `drain` has stopped it; a loss of Redis stops it only for a while.

        Other errors of Redis are raised: they would be the same for ever.
        """
        beside = [asyncio.create_task(each) for each in (self._renew_for_ever(), self._tell_for_ever())]
        try:
            while self.allow_pick_jobs:
                await self._run_once()
            if self.tasks:
                await asyncio.wait(self.tasks.values())
        finally:
            await tasks.end(*beside)

    async def drain(self, seconds: float) -> None:
        """Take no more jobs, wait up to `seconds` for those that run, put the rest back, and stop.

        While Redis is away no job could tell how it ended, so that none is waited for: leases run out.
        """
        self.allow_pick_jobs = False
        self._changed.set()
        if self._nap:
            self._nap.cancel()
        await self._jobs_end(seconds)
        await tasks.end(*self.tasks.values())
        if self.main_task:
            # A claim that is under way may bring entries, which are put back too.
            await asyncio.wait([self.main_task], timeout=STOP_SECONDS)
            await tasks.end(self.main_task)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._leases.release()
                await self._presence.leave(self._name)
        except (RedisError, OSError) as error:
            log.error("jobs not put back", queue=self.queue_name, reason=str(error) or type(error).__name__)
        await tasks.end(*self._endings)

    async def main(self) -> None:
        """Take jobs whenever there is a slot, until `drain`. What is in `AWAY` if Redis is so for long."""
        woken = False
        while self.allow_pick_jobs:
            free = self.max_jobs - len(self.tasks)
            if self._paused or not free:
                self._changed.clear()
                await self._changed.wait()
                continue
            entries = await self._leases.claim(free)
            metrics.CLAIMS.labels(self.queue_name).inc()
            if not self.allow_pick_jobs:  # `drain` puts them back
                return
            self._start(entries)
            if len(entries) < free:
                self._nap = asyncio.create_task(self._leases.wait())
                woken = await self._nap
            elif woken:
                await self._leases.wake_another()
                woken = False

    async def _jobs_end(self, seconds: float) -> None:
        """Wait up to `seconds` for the running jobs, as long as Redis answers."""
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(seconds):
                while running := list(self.tasks.values()):
                    async with asyncio.timeout(STOP_SECONDS):
                        await self._leases.reach()
                    await asyncio.wait(running, timeout=LOOK_SECONDS)

    async def _run_once(self) -> None:
        try:
            await self.async_run()
        except asyncio.CancelledError:
            if self.allow_pick_jobs:  # else it is `drain` that cancelled the run
                raise
        except (*AWAY, OSError) as error:
            log.error("lost the queue", queue=self.queue_name, reason=str(error))
            await asyncio.sleep(RESTART_SECONDS)

    async def _renew_for_ever(self) -> None:
        while True:
            try:
                await self._leases.renew()
            except (RedisError, OSError) as error:  # the next time may be early enough
                log.warning("leases not renewed", queue=self.queue_name, reason=str(error))
                await asyncio.sleep(RESTART_SECONDS)
            else:
                await asyncio.sleep(RENEW_SECONDS)

    async def _tell_for_ever(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):  # it is told again soon
                await self._presence.tell(self._name, len(self.tasks))
            await asyncio.sleep(TELL_SECONDS)

    def _start(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.job_id in self.tasks:  # its lease was lost, and came back to us
                self._again[entry.job_id] = entry
                continue
            task = self.tasks[entry.job_id] = asyncio.create_task(self._run(entry))
            task.add_done_callback(partial(self._ended, entry.job_id))

    def _ended(self, job_id: str, _: asyncio.Task[None]) -> None:
        del self.tasks[job_id]
        self._changed.set()
        again = self._again.pop(job_id, None)
        # If the end was told of the lease that is over, nobody else would take what we hold.
        if again and self._leases.holds(job_id) and self.allow_pick_jobs:
            self._start([again])

    async def _run(self, entry: Entry) -> None:
        """Run a job, and tell the queue how it ended."""
        with structlog.contextvars.bound_contextvars(job_id=entry.job_id):
            try:
                delay = await self._perform(entry)
            except Undecodable as undecodable:
                end = partial(self._set_aside, entry, str(undecodable))
            else:
                end = (
                    partial(self._leases.done, entry.job_id)
                    if delay is None
                    else partial(self._leases.put_back, entry.job_id, delay)
                )
            await self._record(end)

    async def _record(self, end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Tell the queue how a job ended, once Redis is there: else the job runs again after its lease."""
        while True:
            ending = asyncio.create_task(end())
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
            try:
                await asyncio.shield(ending)  # a second cancel does not stop what the first one asked for
            except (RedisError, OSError) as error:
                log.error("end of job not recorded", reason=str(error))
                if not (isinstance(error, AWAY) and self.allow_pick_jobs):
                    return
            else:
                return
            await asyncio.sleep(RESTART_SECONDS)

    async def _perform(self, entry: Entry) -> float | None:
        """Run a job; in how many seconds to run it again, or None if it is over."""
        if entry.payload is None:
            log.warning("entry without payload dropped")
            return None
        call = self._decode(entry.payload)
        try:
            with self._span(entry.job_id, entry.payload):
                await self._job(*call.args, **call.kwargs)
        except RetryLater as retry:
            metrics.RETRIES.labels(self.queue_name).inc()
            return retry.delay
        except asyncio.CancelledError:  # by `drain`
            return 0
        except AWAY as error:
            log.warning("job put back", reason=str(error))
            metrics.RETRIES.labels(self.queue_name).inc()
            return RESTART_SECONDS
        except Undecodable:
            raise
        except Exception:
            log.exception("job failed")
        return None

    def _span(self, job_id: str, payload: bytes) -> AbstractContextManager[tracing.Span]:
        """The span of one run, in the trace that the payload names."""
        fields = unpack(payload) if tracing.enabled() else {}
        return tracing.job(self._job_name, self.queue_name, job_id, fields)

    def _decode(self, payload: bytes) -> inspect.BoundArguments:
        try:
            name, args, kwargs, *_ = deserialize_job_raw(payload, deserializer=self.job_deserializer)
            if name not in self.functions:
                raise Undecodable(f"There is no job called {name!r}.")
            return self._signature.bind(*args, **kwargs)
        except (DeserializationError, TypeError) as error:
            raise Undecodable(str(error)) from error

    async def _set_aside(self, entry: Entry, reason: str) -> None:
        payload = entry.payload or b""
        what = {"job_id": entry.job_id, "reason": reason, "payload": payload[:KEPT_BYTES]}
        await self._leases.set_aside(entry.job_id, msgpack.packb(what))
        metrics.SET_ASIDE.labels(self.queue_name).inc()
        log.error("entry set aside", reason=reason, size=len(payload))
