"""The job of the embed queue: one batch of chunks from text to points in the vector store."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import structlog
from qdrant_client.http.exceptions import ApiException

from rag_workloads.embedding.engine import Engine, InputTooLong, Lane
from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.jobs.queue import RetryLater
from rag_workloads.library.documents import Document, DocumentError, ErrorCode, Stage
from rag_workloads.library.records import DocumentStore
from rag_workloads.library.vectors import VectorStore
from rag_workloads.web import metrics

# Before a batch's second run, its third, and every later one: the vector store may move to another node.
RETRY_SECONDS = (5, 30, 180)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class BatchConsumer:
    """Embeds batches. All of it may be done twice, or late: points of a version that is gone are removed."""

    engine: Engine
    documents: DocumentStore
    vectors: VectorStore
    timeout_seconds: float
    retries: int

    async def embed_batch(self, payload: dict[str, Any]) -> None:
        """Embed and store one batch; the last one of a document makes it searchable."""
        batch = EmbedBatch.from_payload(payload)
        document = await self.documents.get(batch.document_id)
        if document is None or document.generation != batch.generation or not document.unfinished:
            metrics.BATCHES.labels("dropped").inc()
            await self._settle(batch)
            return
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await self._store(batch)
            await self._count(batch)
        except InputTooLong as error:
            hint = "Set ingestion.chunkSize to what the embedding model takes, then upload the file again."
            await self._fail(batch, f"A chunk is too long for the model: {error}", hint)
        except Exception as error:
            await self._retry(batch, error)

    async def _store(self, batch: EmbedBatch) -> None:
        start = time.perf_counter()
        texts = [chunk.text for chunk in batch.chunks]
        vectors = await self.engine.embed(texts, Lane.BULK, truncate=False)
        embedded = time.perf_counter()
        await self.vectors.upsert(batch, vectors)
        metrics.BATCH_SECONDS.labels("embed").observe(embedded - start)
        metrics.BATCH_SECONDS.labels("upsert").observe(time.perf_counter() - embedded)

    async def _count(self, batch: EmbedBatch) -> None:
        """Count the batch as done, and finish the document if it was the last."""
        document = await self.documents.batch_done(batch.document_id, batch.generation, batch.number)
        if document is None:
            await self._settle(batch)
        elif document.all_batches_done:
            await self._finish(batch, document)
        metrics.BATCHES.labels("done").inc()
        metrics.CHUNKS_EMBEDDED.inc(len(batch.chunks))

    async def _finish(self, batch: EmbedBatch, document: Document) -> None:
        if not await self.documents.update(batch.document_id, batch.generation, stage=Stage.INDEXING):
            await self._settle(batch)
            return
        await self.vectors.activate(batch.document_id, batch.generation)
        if await self.documents.complete(batch.document_id, batch.generation):
            metrics.DOCUMENTS.labels("completed").inc()
            log.info("document completed", document_id=batch.document_id, chunks=document.chunks)
        else:
            await self._settle(batch)

    async def _settle(self, batch: EmbedBatch) -> None:
        """Put right what was written after the generation's end: by a second run, or after a delete.

        While a later generation is on its way, nothing: this one may be all that searches see, and goes when
        the later one becomes active.
        """
        document = await self.documents.get(batch.document_id)
        if document is None:
            await self.vectors.delete_through(batch.document_id, batch.generation)
        elif document.active_generation and document.active_generation >= batch.generation:
            await self.vectors.activate(batch.document_id, document.active_generation)
        elif document.generation == batch.generation:
            await self.vectors.discard(batch.document_id, batch.generation)

    async def _retry(self, batch: EmbedBatch, error: Exception) -> None:
        """Try again later, or fail the document."""
        failures = await self.documents.batch_failed(batch.document_id, batch.generation, batch.number)
        reason = str(error) or type(error).__name__
        log.warning(
            "batch failed",
            document_id=batch.document_id,
            number=batch.number,
            failures=failures,
            reason=reason,
        )
        if failures <= self.retries:
            metrics.BATCHES.labels("retried").inc()
            raise RetryLater(retry_seconds(failures)) from error
        hint = "Look at the embedding service's log, then upload the file again."
        await self._fail(batch, f"Embedding failed {failures} times, last with: {reason}", hint)

    async def _fail(self, batch: EmbedBatch, message: str, hint: str) -> None:
        metrics.BATCHES.labels("failed").inc()
        failure = DocumentError(ErrorCode.EMBEDDING_FAILED, message, batch.chunks[0].page, hint)
        if await self.documents.fail(batch.document_id, batch.generation, failure):
            metrics.DOCUMENTS.labels(failure.code).inc()
        try:
            await self._settle(batch)
        except ApiException as error:  # they are not active, and go with the document's next generation
            log.warning("points left behind", document_id=batch.document_id, reason=str(error))


def retry_seconds(failures: int) -> int:
    """The pause after a batch's failures, from the first on."""
    return RETRY_SECONDS[min(failures, len(RETRY_SECONDS)) - 1]
