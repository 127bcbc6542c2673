"""The two job queues on Redis. The only module that knows ARQ, and works around what it does (0.28):

- a running job's lease is set once, to the job's timeout: here it is short and renewed while the job runs, so
  that another worker takes a killed one's job within `LEASE_SECONDS`, however long jobs may last;
- a worker reads only the first ids of the queue, running ones too: `read_limit` must exceed all that may run;
- cancels count as tries: there is no limit here, and failures are the caller's to count;
- results are not kept, as a kept result blocks its job's id; payloads are msgpack, as pickle would run code.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Self, cast

import arq
import msgpack
import structlog
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix, retry_key_prefix
from arq.worker import Function
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ConnectionError,
    RedisError,
    TimeoutError,
)

from rag_contract import names
from rag_workloads import tasks
from rag_workloads.jobs import payloads
from rag_workloads.jobs.payloads import EmbedBatch

PROCESS_DOCUMENT = "process_document"
EMBED_BATCH = "embed_batch"

LEASE_SECONDS = 30
RENEW_SECONDS = 10
EXPIRES_MS = JOB_TIMEOUT_MS = 7 * 24 * 3600 * 1000
# About ten seconds in all: a Redis that restarts is not an error.
REDIS_RETRIES = 8
# A Redis that starts beside us may pull its image first.
CONNECT_SECONDS = 120
POLL_SECONDS = 0.05
RESTART_SECONDS = 1

Job = Callable[..., Awaitable[None]]
Consumer = arq.Worker

log = structlog.get_logger(__name__)


class RetryLater(Exception):
    """Raised by a job that is to run again after `delay` seconds."""

    def __init__(self, delay: float) -> None:
        super().__init__(f"retry in {delay} s")
        self.delay = delay


class Depths(NamedTuple):
    """Entries in each queue, running and waiting."""

    ingest: int
    embed: int


class Queue:
    """Puts jobs on a pipeline's queues, under fixed ids: what waits or runs is not queued again."""

    def __init__(self, redis: ArqRedis, pipeline: str) -> None:
        self.redis, self.pipeline = redis, pipeline
        self._ingest, self._embed = names.ingest_queue(pipeline), names.embed_queue(pipeline)

    @classmethod
    def open(cls, redis_url: str, pipeline: str) -> Self:
        """A pool of connections, which rides over short breaks; it connects when it is used."""
        return cls(_open(redis_url), pipeline)

    async def wait(self) -> None:
        """Wait until Redis answers.

        ConnectionError or TimeoutError (redis) after `CONNECT_SECONDS`, other RedisErrors at once.
        """
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                await self.redis.ping()
            except (AuthenticationError, AuthorizationError):  # ConnectionErrors too, but they will not pass
                raise
            except (ConnectionError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("waiting for Redis", reason=str(error))
            else:
                return

    async def close(self) -> None:
        """Close all connections."""
        await self.redis.aclose(close_connection_pool=True)

    async def enqueue_document(self, document_id: str, task: int) -> None:
        """Queue a document to be processed."""
        job_id = payloads.ingest_job_id(self.pipeline, document_id, task)
        await self.redis.enqueue_job(
            PROCESS_DOCUMENT, document_id, task, _job_id=job_id, _queue_name=self._ingest
        )

    async def enqueue_batch(self, batch: EmbedBatch) -> None:
        """Queue a batch to be embedded."""
        job_id = payloads.embed_job_id(self.pipeline, batch.document_id, batch.generation, batch.number)
        await self.redis.enqueue_job(EMBED_BATCH, batch.to_payload(), _job_id=job_id, _queue_name=self._embed)

    async def depths(self) -> Depths:
        """Entries in each queue."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.zcard(self._ingest)
            pipe.zcard(self._embed)
            return Depths(*await pipe.execute())

    async def room(self, limit: int) -> int:
        """How many more batches fit in the embed queue under `limit`; 0 if none."""
        return max(0, limit - (await self.depths()).embed)

    async def documents_queued(self, tasks: Sequence[tuple[str, int]]) -> list[bool]:
        """Whether the job of each document and task waits or runs."""
        ids = [payloads.ingest_job_id(self.pipeline, *each) for each in tasks]
        scores = await self.redis.zmscore(self._ingest, ids) if ids else []
        return [score is not None for score in scores]

    async def missing_batches(self, document_id: str, generation: int, batches: int) -> list[int]:
        """Which of a document's batches neither wait nor run: those done and those lost."""
        ids = self._batch_ids(document_id, generation, batches)
        scores = await self.redis.zmscore(self._embed, ids) if ids else []
        return [number for number, score in enumerate(scores) if score is None]

    async def forget(self, document_id: str, task: int, generation: int, batches: int) -> None:
        """Take a document's jobs off the queues; one that runs ends when it sees its record gone."""
        ingest_id = payloads.ingest_job_id(self.pipeline, document_id, task)
        embed_ids = self._batch_ids(document_id, generation, batches)
        keys = [prefix + i for i in (ingest_id, *embed_ids) for prefix in (job_key_prefix, retry_key_prefix)]
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.zrem(self._ingest, ingest_id)
            if embed_ids:
                pipe.zrem(self._embed, *embed_ids)
            pipe.delete(*keys)
            await pipe.execute()

    def _batch_ids(self, document_id: str, generation: int, batches: int) -> list[str]:
        return [payloads.embed_job_id(self.pipeline, document_id, generation, n) for n in range(batches)]


def worker(
    queue: Queue, queue_name: str, name: str, job: Job, *, concurrency: int, read_limit: int
) -> Consumer:
    """A worker that runs `job(*args)` for the entries called `name`, `concurrency` at a time.

    Start it with `consume`, stop it with `drain`. Each job runs under a lease, with its id in every log line;
    one that raises `RetryLater` comes back, any other exception ends it.
    """

    async def run(ctx: dict[Any, Any], *args: Any) -> None:
        with structlog.contextvars.bound_contextvars(job_id=ctx["job_id"]):
            async with lease(ctx):
                try:
                    await job(*args)
                except RetryLater as retry:
                    raise arq.Retry(defer=retry.delay) from retry

    consumer = Consumer(
        [Function(name, run, None, None, None, None)],
        queue_name=queue_name,
        redis_pool=queue.redis,
        handle_signals=False,
        max_jobs=concurrency,
        queue_read_limit=read_limit,
        poll_delay=POLL_SECONDS,
        job_timeout=JOB_TIMEOUT_MS / 1000,
        max_tries=1_000_000,
        keep_result=0,
        health_check_key=f"{queue_name}:health:{socket.gethostname()}:{os.getpid()}",
        job_serializer=_pack,
        job_deserializer=_unpack,
        expires_extra_ms=EXPIRES_MS,
    )
    consumer.in_progress_timeout_s = LEASE_SECONDS
    return consumer


@contextlib.asynccontextmanager
async def lease(ctx: dict[Any, Any], ttl: float = LEASE_SECONDS) -> AsyncIterator[None]:
    """Hold a running job's lease for `ttl` seconds at a time, renewed until the block ends."""
    redis, key = ctx["redis"], in_progress_key_prefix + ctx["job_id"]

    ended = asyncio.Event()

    async def renew() -> None:
        while not ended.is_set():
            # Missed now, it may succeed the next time, before the lease is over.
            with contextlib.suppress(RedisError, OSError):
                await redis.pexpire(key, int(ttl * 1000))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), min(RENEW_SECONDS, ttl / 3))

    renewal = asyncio.create_task(renew())
    try:
        yield
    finally:
        # Not cancelled: that would break a Redis connection in the middle of a command.
        ended.set()
        await asyncio.gather(renewal, return_exceptions=True)


async def consume(consumer: Consumer) -> None:
    """Run a worker until `drain` has stopped it; a loss of Redis stops it only for a while."""
    while consumer.allow_pick_jobs:
        try:
            await consumer.async_run()
        except asyncio.CancelledError:
            if consumer.allow_pick_jobs:  # else it is `drain` that cancelled the run
                raise
        except (RedisError, OSError) as error:
            log.error("lost the queue", queue=consumer.queue_name, reason=str(error))
            await asyncio.sleep(RESTART_SECONDS)


async def drain(consumer: Consumer, seconds: float) -> None:
    """Take no more jobs, wait up to `seconds` for those that run, put the rest back on the queue, stop."""
    consumer.allow_pick_jobs = False
    if running := set(consumer.tasks.values()):
        await asyncio.wait(running, timeout=seconds)
    main = [consumer.main_task] if consumer.main_task else []
    await tasks.end(*main, *consumer.tasks.values())


def _open(redis_url: str) -> ArqRedis:
    pool = ConnectionPool.from_url(
        redis_url,
        retry=Retry(ExponentialBackoff(cap=2, base=0.1), REDIS_RETRIES),
        # OSError: a connection that is refused, which redis-py itself takes for final
        retry_on_error=[ConnectionError, TimeoutError, OSError],
        socket_connect_timeout=5,
        socket_timeout=30,
        socket_keepalive=True,
    )
    return ArqRedis(pool, job_serializer=_pack, job_deserializer=_unpack, expires_extra_ms=EXPIRES_MS)


def _pack(value: dict[str, Any]) -> bytes:
    return cast(bytes, msgpack.packb(value))


def _unpack(data: bytes) -> dict[str, Any]:
    return cast(dict[str, Any], msgpack.unpackb(data))
