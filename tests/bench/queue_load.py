"""Counts Redis' commands per batch: 10,000 waiting batches and 20 embedding pods of 4 slots.

The queue, the records and the consumers are the real ones; embedding and the vector store do nothing. Redis
counts commands within scripts like any other (`total_commands_processed`): `redis_round_trips_per_batch`
counts a script as one. Both are of a batch's whole life, from the worker that queues it on.
"""

import asyncio
import time
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rag_contract import names
from rag_workloads.embedding.consumer import BatchConsumer
from rag_workloads.embedding.engine import Engine
from rag_workloads.jobs.consumer import Consumer
from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.jobs.queue import EMBED_BATCH, Queue
from rag_workloads.library.documents import Layout, State
from rag_workloads.library.gate import Gate
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.problems import Problems
from rag_workloads.library.records import Records, Target
from rag_workloads.library.vectors import VectorStore
from tests.integration.redis_process import redis_process
from tests.records import batch, new_document

PIPELINE = "bench.queue"
DOCUMENTS, BATCHES_EACH = 100, 100
PODS, SLOTS = 20, 4
CHUNKS = [Chunk(index, "some words of a page " * 40, 1, [[1, 0]]) for index in range(8)]
LIMITS = 1_000_000, 1 << 40
TARGET = Target("bench", 1)
LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=len(CHUNKS))
# What pods and workers send; all other commands are called within scripts.
ROUND_TRIPS = "evalsha", "hgetall", "bzpopmin"


class NoEngine:
    """Takes `seconds` for a batch, and makes no vectors."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def embed(self, texts: list[str], *_: object, **__: object) -> NDArray[np.float32]:
        """Empty vectors, one a text."""
        await asyncio.sleep(self._seconds)
        return np.zeros((len(texts), 0), np.float32)


class NoVectors:
    """Stores nothing."""

    async def upsert(self, batch: EmbedBatch, vectors: NDArray[np.float32]) -> None:
        """Nothing."""

    async def activate(self, collection: str, document_id: str, generation: int) -> None:
        """Nothing."""


async def measure(embed_seconds: float = 0.0) -> dict[str, float]:
    """Fill the queue and empty it: commands and round trips per batch, and batches per second."""
    with redis_process() as server:
        filler = _library(server.connection_url)
        redis = filler.queue.redis
        await redis.config_resetstat()
        await _fill(filler)
        filled = await _processed(filler)
        started = time.monotonic()
        await _empty(server.connection_url, filler, embed_seconds)
        seconds = time.monotonic() - started
        total, calls = await _processed(filler), await _calls(filler)
        counts = await filler.records.counts()
        await filler.queue.close()
    batches = DOCUMENTS * BATCHES_EACH
    assert counts[State.COMPLETED] == DOCUMENTS
    figures = {
        "redis_commands_per_batch": total,
        "redis_commands_to_queue_a_batch": filled,
        "redis_round_trips_per_batch": sum(calls.get(command, 0) for command in ROUND_TRIPS),
        **{f"calls_of_{command}": count for command, count in sorted(calls.items())},
    }
    return {
        **{name: round(value / batches, 2) for name, value in figures.items()},
        "batches_per_second": round(batches / seconds),
    }


def _library(url: str) -> Library:
    queue = Queue.open(url, PIPELINE)
    return Library(queue, Records(queue.redis, PIPELINE), cast(VectorStore, NoVectors()), None, TARGET)


async def _fill(library: Library) -> None:
    for document_id in (f"document-{number}" for number in range(DOCUMENTS)):
        new = new_document(document_id=document_id, object_key=document_id)
        task = (await library.records.begin(new, TARGET)).task
        document = await library.take_up(document_id, task, "token", LAYOUT)
        await library.progress(document, batches=BATCHES_EACH, chunks=BATCHES_EACH * len(CHUNKS))
        for number in range(BATCHES_EACH):
            await library.queue.room(*LIMITS)
            await library.queue.enqueue_batch(batch(document, number, CHUNKS))


async def _empty(url: str, filler: Library, embed_seconds: float) -> None:
    libraries = [_library(url) for _ in range(PODS)]
    consumers = [_consumer(library, embed_seconds) for library in libraries]
    running = [asyncio.create_task(consumer.consume()) for consumer in consumers]
    while (await filler.queue.depths()).embed:
        await asyncio.sleep(0.5)
    await asyncio.gather(*(consumer.drain(10) for consumer in consumers))
    await asyncio.gather(*running, *(library.queue.close() for library in libraries))


def _consumer(library: Library, embed_seconds: float) -> Consumer:
    gate = Gate({}, Problems(library.queue.redis, library.queue.pipeline))
    job = BatchConsumer(cast(Engine, NoEngine(embed_seconds)), library, gate, 3).embed_batch
    return Consumer(library.queue, names.embed_queue(PIPELINE), EMBED_BATCH, job, concurrency=SLOTS)


async def _processed(library: Library) -> int:
    return int((await library.queue.redis.info("stats"))["total_commands_processed"])


async def _calls(library: Library) -> dict[str, int]:
    stats = await library.queue.redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in stats.items()}
