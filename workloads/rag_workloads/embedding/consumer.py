"""The job of the embed queue: one batch of chunks from text to points in the vector store."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog

from rag_contract.stats import ProblemComponent
from rag_workloads import tracing
from rag_workloads.embedding.engine import Engine, EngineUnavailable, InputTooLong, Refused
from rag_workloads.jobs.consumer import RetryLater
from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.jobs.redis_errors import AWAY
from rag_workloads.library.collections import CollectionRefused, VectorStoreAway
from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.library.gate import Gate
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.processing import OtherCollection
from rag_workloads.library.sentence_vectors import SentenceVectors, Span
from rag_workloads.text.sentences import split_sentences
from rag_workloads.web import metrics

# Before a batch's second run, its third, and every later one.
RETRY_SECONDS = (5, 30, 180)
# Before a batch is taken again that is for newer pods, or that waits for something that is away or busy.
HAND_BACK_SECONDS = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class BatchConsumer:
    """Embeds batches. All of it may be done twice, or late.

    What is wrong with a batch counts against its document. What is away or busy does not: the batch goes
    back, and the gate keeps the consumer from taking more. The engine bounds how long it may take itself.
    """

    engine: Engine
    library: Library
    gate: Gate
    retries: int

    async def embed_batch(self, payload: dict[str, Any]) -> None:
        """Embed and store one batch; the last one of a document makes it searchable."""
        batch = EmbedBatch.from_payload(payload)
        tracing.note({"ragpipeline.document.id": batch.document_id, "ragpipeline.batch": batch.number})
        try:
            if not await self.library.take_batch(batch):
                metrics.BATCHES.labels("dropped").inc()
                return
            await self._embed(batch)
        except InputTooLong as error:
            hint = "Set ingestion.chunkSize to what the embedding model takes, then upload the file again."
            await self._fail(batch, f"A chunk is too long for the model: {error}", hint)
        except Refused as error:
            hint = "Look at the embedding service's log, then upload the file again."
            await self._fail(batch, f"The model refuses a chunk: {error}", hint)
        except OtherCollection as error:
            raise RetryLater(HAND_BACK_SECONDS) from error
        except AWAY as error:
            self._hand_back("redis", error)
        except (VectorStoreAway, CollectionRefused) as error:  # if it is another's, the gate finds that too
            self._hand_back("vector-store", error)
        except EngineUnavailable as error:
            self._hand_back("embedding", error)
        except Exception as error:
            await self._retry(batch, error)

    def _hand_back(self, component: ProblemComponent, error: Exception) -> NoReturn:
        self.gate.away(component, error)
        raise RetryLater(HAND_BACK_SECONDS) from error

    async def _embed(self, batch: EmbedBatch) -> None:
        start = time.perf_counter()
        texts = [chunk.context + chunk.text for chunk in batch.chunks]
        sentences = await asyncio.to_thread(lambda: [_sentences(chunk) for chunk in batch.chunks])
        spans = [_behind(len(chunk.context), own) for chunk, own in zip(batch.chunks, sentences, strict=True)]
        found = await self.engine.embed_spans(texts, spans)
        embedded = time.perf_counter()
        stored = None
        if found.spans is not None:
            stored = [SentenceVectors(*own) for own in zip(sentences, found.spans, strict=True)]
        done = await self.library.batch_done(batch, found.vectors, stored)
        metrics.BATCHES.labels("done" if done else "dropped").inc()
        metrics.CHUNKS_EMBEDDED.inc(len(batch.chunks))
        metrics.BATCH_SECONDS.labels("embed").observe(embedded - start)
        metrics.BATCH_SECONDS.labels("upsert").observe(time.perf_counter() - embedded)

    async def _retry(self, batch: EmbedBatch, error: Exception) -> None:
        """Try again later, or fail the document."""
        failures = await self.library.batch_failed(batch)
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
        await self.library.fail(batch.document_id, batch.generation, failure)


def _sentences(chunk: Chunk) -> list[Span]:
    return [(sentence.start, sentence.end) for sentence in split_sentences(chunk.text)]


def _behind(offset: int, spans: list[Span]) -> list[Span]:
    """The same spans in a text that begins so much earlier."""
    return [(offset + start, offset + end) for start, end in spans]


def retry_seconds(failures: int) -> int:
    """The pause after a batch's failures, from the first on."""
    return RETRY_SECONDS[min(failures, len(RETRY_SECONDS)) - 1]
