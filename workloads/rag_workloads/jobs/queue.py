"""The producers' side of the two job queues on Redis: what is put on them, what waits, what is taken off."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self, cast

import msgpack
import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, ConnectionError, TimeoutError

from rag_contract import names
from rag_workloads import tracing
from rag_workloads.jobs import payloads, scripts
from rag_workloads.jobs.lines import Line, Lines
from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.jobs.redis_errors import Parser

PROCESS_DOCUMENT = "process_document"
EMBED_BATCH = "embed_batch"

# About ten seconds in all: a Redis that restarts is not an error.
REDIS_RETRIES = 8
# A Redis that starts beside us may pull its image first.
CONNECT_SECONDS = 120

log = structlog.get_logger(__name__)


class Depths(NamedTuple):
    """Entries in each queue, running and waiting."""

    ingest: int
    embed: int


class Queue:
    """Puts jobs on a pipeline's queues, under fixed ids: what waits or runs is not queued again."""

    def __init__(self, redis: ArqRedis, pipeline: str) -> None:
        self.redis, self.pipeline = redis, pipeline
        self._ingest, self._embed = names.ingest_queue(pipeline), names.embed_queue(pipeline)
        self._enqueue_script = redis.register_script(scripts.ENQUEUE)
        self._remove_script = redis.register_script(scripts.REMOVE)
        self._size_script = redis.register_script(scripts.SIZE)
        self._lines = Lines(redis)

    @classmethod
    def open(cls, redis_url: str, pipeline: str) -> Self:
        """A pool of connections, which rides over short breaks; it connects when it is used."""
        return cls(ArqRedis(open_pool(redis_url)), pipeline)

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
        await self._enqueue_script(*_entries(self._ingest, {job_id: (PROCESS_DOCUMENT, document_id, task)}))

    async def enqueue_batch(self, batch: EmbedBatch) -> None:
        """Queue a batch to be embedded."""
        await self._enqueue_script(*self.batch_entries([batch]))

    def batch_entries(self, batches: Sequence[EmbedBatch]) -> tuple[list[str], list[Any]]:
        """The keys and the arguments with which a script that holds `scripts.ENTER` queues batches."""
        jobs = {
            payloads.embed_job_id(self.pipeline, batch.document_id, batch.generation, batch.number): (
                EMBED_BATCH,
                batch.to_payload(),
            )
            for batch in batches
        }
        return _entries(self._embed, jobs)

    async def depths(self) -> Depths:
        """Entries in each queue."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.zcard(self._ingest)
            pipe.zcard(self._embed)
            return Depths(*await pipe.execute())

    async def lines(self) -> dict[str, Line]:
        """Each queue in detail, by what it is called in Redis."""
        return {queue: await self._lines.of(queue) for queue in (self._ingest, self._embed)}

    async def room(self, limit: int, limit_bytes: int) -> int:
        """How many more batches fit in the embed queue under `limit`; 0 if none, or if it is full of bytes.

        A batch larger than `limit_bytes` fits an empty queue.
        """
        entries, size = await self._size_script([self._embed, f"{self._embed}:bytes"])
        return max(0, limit - entries) if size < limit_bytes else 0

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
        await self._remove(self._ingest, [payloads.ingest_job_id(self.pipeline, document_id, task)])
        await self.forget_batches(document_id, generation, batches)

    async def forget_batches(self, document_id: str, generation: int, batches: int) -> None:
        """Take a generation's batches off their queue; as `forget`."""
        if batches:
            await self._remove(self._embed, self._batch_ids(document_id, generation, batches))

    async def _remove(self, queue: str, ids: Sequence[str]) -> None:
        keys = [queue, f"{queue}:bytes", *(job_key_prefix + job_id for job_id in ids)]
        await self._remove_script(keys, ids)

    def _batch_ids(self, document_id: str, generation: int, batches: int) -> list[str]:
        return [payloads.embed_job_id(self.pipeline, document_id, generation, n) for n in range(batches)]


def _entries(queue: str, jobs: Mapping[str, tuple[Any, ...]]) -> tuple[list[str], list[Any]]:
    """The keys and arguments of `scripts.ENTER` for jobs by id: a function's name, then what it takes."""
    keys, args = [queue, f"{queue}:bytes", f"{queue}:wake"], list[Any]()
    for job_id, (function, *arguments) in jobs.items():
        now = time.time() * 1000
        keys.append(job_key_prefix + job_id)
        job = serialize_job(function, tuple(arguments), {}, None, int(now), serializer=pack)
        args += [job_id, now - scripts.LINE, job]
    return keys, args


def pack(value: dict[str, Any]) -> bytes:
    """A payload as it is queued, with the trace that it belongs to beside ARQ's own fields."""
    return cast(bytes, msgpack.packb(value | tracing.carried()))


def unpack(data: bytes) -> dict[str, Any]:
    """The inverse of `pack`."""
    return cast(dict[str, Any], msgpack.unpackb(data))


def open_pool(redis_url: str) -> ConnectionPool:
    """A pool of connections, which rides over short breaks; it connects when it is used."""
    return ConnectionPool.from_url(
        redis_url,
        parser_class=Parser,
        retry=Retry(ExponentialBackoff(cap=2, base=0.1), REDIS_RETRIES),
        # OSError: a connection that is refused, which redis-py itself takes for final
        retry_on_error=[ConnectionError, TimeoutError, OSError],
        socket_connect_timeout=5,
        socket_timeout=30,
        socket_keepalive=True,
    )
