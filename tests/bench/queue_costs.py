"""What the queue costs: Redis' commands for a batch, and a pass of recovery, both with 10,000 that wait.

All is real but the model and the vector store, which take no time here: pods that embed would only wait.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rag_contract.environment.base import LibrarySettings
from rag_contract.names import embed_queue
from rag_workloads.embedding.consumer import BatchConsumer
from rag_workloads.embedding.engine import Direction, Engine, Lane
from rag_workloads.jobs import queue
from rag_workloads.jobs.consumer import Consumer
from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.library import recovery
from rag_workloads.library.documents import Description, Layout
from rag_workloads.library.gate import Gate
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.problems import Problems
from rag_workloads.library.sentence_vectors import SentenceVectors
from rag_workloads.library.vectors import VectorStore
from tests.integration.redis_process import redis_process
from tests.records import batch, new_document

PIPELINE = "bench"
PODS, SLOTS = 20, 4
BATCHES_OF_A_DOCUMENT = 100
PASSES = 9
DIMENSION = 384
LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=32)


class NoVectors(VectorStore):
    """Takes all points at once, and keeps none."""

    async def upsert(
        self,
        batch: EmbedBatch,
        vectors: NDArray[np.float32],
        sentences: Sequence[SentenceVectors] | None = None,
    ) -> None:
        """Keep nothing."""

    async def activate(
        self, collection: str, document_id: str, generation: int, description: Description, revised: int
    ) -> None:
        """Show nothing."""

    async def delete(
        self, document_id: str, through: int, *, collection: str | None = None, but: int | None = None
    ) -> None:
        """Have nothing to delete."""


class NoModel:
    """Embeds at once."""

    async def embed(
        self, texts: list[str], lane: Lane, truncate: bool = True, direction: Direction = "right"
    ) -> NDArray[np.float32]:
        """Zeros."""
        return np.zeros((len(texts), DIMENSION), np.float32)


async def commands_per_batch(batches: int = 10_000) -> float:
    """Returns how many commands Redis runs for a batch that is done, at 20 pods of 4 slots."""
    with redis_process() as redis:
        async with _library(redis.connection_url) as library:
            for number in range(batches // BATCHES_OF_A_DOCUMENT):
                await _queue_batches(library, f"doc-{number}")
            before = await _commands(library)
            async with consuming(redis.connection_url, PODS):
                while (await library.queue.depths()).embed:
                    await asyncio.sleep(0.1)
                return (await _commands(library) - before) / batches


async def recovery_ms(documents: int = 10_000) -> float:
    """Returns the milliseconds that one pass of recovery takes while so many documents wait for a worker."""
    with redis_process() as redis:
        async with _library(redis.connection_url) as library:
            for number in range(documents):
                await library.begin(
                    new_document(document_id=f"doc-{number}", object_key=f"documents/{number}")
                )
            settled, recovery.SETTLED_SECONDS = recovery.SETTLED_SECONDS, 0
            passes = [await _pass(library) for _ in range(PASSES)]
            recovery.SETTLED_SECONDS = settled
            return statistics.median(passes) * 1000


async def _pass(library: Library) -> float:
    started = time.perf_counter()
    await library.recover()
    return time.perf_counter() - started


@asynccontextmanager
async def consuming(redis_url: str, pods: int) -> AsyncIterator[None]:
    """Runs the embedding service's own consumers, each with connections of its own, while the body runs."""
    async with asyncio.TaskGroup() as group:
        libraries = [_open(redis_url) for _ in range(pods)]
        consumers = [_consumer(library) for library in libraries]
        for consumer in consumers:
            group.create_task(consumer.consume())
        yield
        await asyncio.gather(*(consumer.drain(1) for consumer in consumers))
    for library in libraries:
        await library.close()


def _consumer(library: Library) -> Consumer:
    engine = cast(Engine, NoModel())
    gate = Gate({}, Problems(library.queue.redis, PIPELINE))
    job = BatchConsumer(engine, library, gate, retries=0).embed_batch
    name = embed_queue(library.queue.pipeline)
    return Consumer(library.queue, name, queue.EMBED_BATCH, job, concurrency=SLOTS)


@asynccontextmanager
async def _library(redis_url: str) -> AsyncIterator[Library]:
    library = _open(redis_url)
    await library.claim("bench")
    yield library
    await library.close()


def _open(redis_url: str) -> Library:
    """A library of its own, as each pod has, without vectors."""
    settings = LibrarySettings(
        pipeline=PIPELINE,
        port=1,
        redis_url=redis_url,
        qdrant_url="http://127.0.0.1:1",
        qdrant_collection="bench",
    )
    library = Library.open(settings, None)
    return replace(library, vectors=NoVectors(settings.qdrant_url, None, "bench", "bench"))


async def _queue_batches(library: Library, document_id: str) -> None:
    """Brings a document to where a worker has queued all its batches."""
    key = f"documents/{document_id}/1"
    begun = await library.begin(new_document(document_id=document_id, object_key=key))
    document = await library.take_up(document_id, begun.task, document_id, LAYOUT)
    await library.progress(document, batches=BATCHES_OF_A_DOCUMENT, chunks=BATCHES_OF_A_DOCUMENT)
    for number in range(BATCHES_OF_A_DOCUMENT):
        await library.queue.enqueue_batch(batch(document, number))


async def _commands(library: Library) -> int:
    stats: dict[str, Any] = await library.queue.redis.info("stats")
    return int(stats["total_commands_processed"])
