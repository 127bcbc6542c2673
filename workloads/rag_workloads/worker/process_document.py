"""The job of the ingest queue: one document from the object store to batches on the embed queue."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import anyio.to_thread
import structlog
from tokenizers import Tokenizer

from rag_contract.environment.worker import WorkerSettings
from rag_contract.stats import ProblemComponent
from rag_workloads.jobs.consumer import RetryLater
from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.jobs.redis_errors import AWAY
from rag_workloads.library.documents import Document, DocumentError, ErrorCode, Layout, Stage
from rag_workloads.library.files import FilesAway, ObjectStore
from rag_workloads.library.gate import Gate
from rag_workloads.library.lifecycle import Library, OtherCollection, Superseded
from rag_workloads.library.vectors import VectorStoreAway
from rag_workloads.web import metrics
from rag_workloads.worker.attempts import Attempt, Attempts
from rag_workloads.worker.chunking import Chunker, slices
from rag_workloads.worker.pages import Tally
from rag_workloads.worker.parser import Parser, TimeBudget

ROOM_POLL_SECONDS = 0.2
# Before a document that is for newer pods, or that waits for a store, is taken up again.
HAND_BACK_SECONDS = 5
# What is no fault of the document that meets it.
DEPENDENCY_AWAY = (*AWAY, VectorStoreAway, FilesAway)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DocumentProcessor:
    """Processes documents. All of it may be done twice: ids are fixed, and done batches are skipped.

    An attempt is counted before it begins, so that one that kills this process counts too. One that ends as
    the worker stops, or as a dependency is away, is taken back.
    """

    settings: WorkerSettings
    library: Library
    files: ObjectStore
    parser: Parser
    tokenizer: Tokenizer
    attempts: Attempts
    gate: Gate

    async def process_document(self, document_id: str, task: int) -> None:
        """Process the upload of a task.

        What cannot succeed fails it at once, other errors are tried again.
        """
        attempt = Attempt(document_id, uuid4().hex)
        try:
            await self._process(attempt, task)
        except asyncio.CancelledError:  # the worker stops
            await self.attempts.give_back(attempt)
            raise
        except AWAY as error:
            await self._hand_back(attempt, "redis", error)
        except VectorStoreAway as error:
            await self._hand_back(attempt, "vector-store", error)
        except FilesAway as error:
            await self._hand_back(attempt, "files", error)
        except OtherCollection as error:
            raise RetryLater(HAND_BACK_SECONDS) from error
        except Superseded as error:
            log.info("document superseded", document_id=document_id, task=task)
            if await self.library.waits(document_id, task):
                raise RetryLater(0) from error

    async def _process(self, attempt: Attempt, task: int) -> None:
        document = await self.library.take_up(attempt.document_id, task, attempt.token, self._layout)
        try:
            if document.attempts > self.settings.retries + 1:
                raise _worker_died(document.attempts - 1)
            await self._ingest(document)
        except (Superseded, *DEPENDENCY_AWAY):
            raise
        except DocumentError as error:
            await self.library.fail(document.document_id, document.generation, error)
        except Exception as error:
            log.exception(
                "document not processed", document_id=document.document_id, attempt=document.attempts
            )
            await self._retry(document, error)

    async def _hand_back(self, attempt: Attempt, component: ProblemComponent, error: Exception) -> NoReturn:
        """Let the document wait for a dependency that is away, at no cost to it."""
        self.gate.away(component, error)
        try:
            await self.attempts.give_back(attempt)
        except AWAY as redis_away:
            self.gate.away("redis", redis_away)
        raise RetryLater(HAND_BACK_SECONDS) from error

    @property
    def _layout(self) -> Layout:
        settings = self.settings
        return Layout(
            chunk_size=settings.chunk_size_tokens,
            chunk_overlap=settings.chunk_overlap_tokens,
            batch_size=settings.batch_size,
        )

    async def _ingest(self, document: Document) -> None:
        budget = TimeBudget(self.settings.time_limit_seconds)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "document")
            await self._fetch(document, path, budget)
            pages = await self.parser.count_pages(path, document.content_type, budget)
            await self.library.progress(document, pages=pages)
            tally = Tally()
            async with contextlib.aclosing(self._chunks(document, path, pages, tally, budget)) as parts:
                await self._enqueue(document, tally, parts)

    async def _fetch(self, document: Document, path: Path, budget: TimeBudget) -> None:
        try:
            await budget.spend(self.files.fetch(document.object_key, path))
        except Exception as error:
            await self.files.ready()  # else it says nothing of this file
            if not isinstance(error, FileNotFoundError):
                raise
            hint = "Upload the file again."
            raise DocumentError(ErrorCode.OBJECT_MISSING, "The uploaded file is gone.", hint=hint) from error

    async def _chunks(
        self, document: Document, path: Path, pages: int, tally: Tally, budget: TimeBudget
    ) -> AsyncGenerator[list[Chunk]]:
        """The document's chunks in order, some at a time; records progress as the pages go by."""
        layout = document.layout or self._layout
        chunker = Chunker(self.tokenizer, layout.chunk_size, layout.chunk_overlap)

        def cut(page: int, text: str) -> list[Chunk]:
            return list(chunker.feed(page, text))

        reading = self.parser.read_pages(path, document.content_type, pages, budget)
        async with contextlib.aclosing(reading):
            async for read in reading:
                for page in read:
                    tally.add(page)
                    # A thread cannot be stopped, so that it gets little at a time.
                    for piece in slices(page.text):
                        yield await budget.spend(anyio.to_thread.run_sync(cut, tally.pages, piece))
                metrics.PAGES_PARSED.inc(len(read))
                # Progress never goes back, in a second run neither.
                await self.library.progress(document, pages_done=max(tally.pages, document.pages_done))
        yield list(chunker.finish())

    async def _enqueue(self, document: Document, tally: Tally, parts: AsyncIterator[list[Chunk]]) -> None:
        """Queue the chunks in batches.

        The last batch waits until the record says how many there are, so that whoever embeds the last one
        knows that the document is complete; it is queued even if it is done, to the same end.
        """
        done = await self.library.records.done_batches(document.document_id, document.generation)
        batcher = Batcher(document)
        async for chunks in parts:
            for batch in batcher.add(chunks):
                if batch.number not in done:
                    await self._wait_for_room(document)
                    await self.library.queue.enqueue_batch(batch)
        last = batcher.last()
        if last is None:
            raise tally.no_text()
        count = last.chunks[-1].index + 1
        await self.library.progress(
            document, stage=Stage.EMBEDDING, chunks=count, batches=last.number + 1, **tally.fields()
        )
        await self._wait_for_room(document)
        await self.library.queue.enqueue_batch(last)

    async def _wait_for_room(self, document: Document) -> None:
        limits = self.settings.max_batches_in_flight, self.settings.max_bytes_in_flight
        while not await self.library.queue.room(*limits):
            await asyncio.sleep(ROOM_POLL_SECONDS)
            await self.library.progress(document)

    async def _retry(self, document: Document, error: Exception) -> None:
        if document.attempts <= self.settings.retries:
            raise RetryLater(self.settings.retry_delay_seconds) from error
        hint = "Upload the file again; if it fails again, look at the worker's log."
        reason = f"Processing failed {document.attempts} times, last with {type(error).__name__}."
        failure = DocumentError(ErrorCode.INTERNAL, reason, hint=hint)
        await self.library.fail(document.document_id, document.generation, failure)


def _worker_died(attempts: int) -> DocumentError:
    message = f"The worker died on this document, in the last of {attempts} attempts."
    hint = (
        "Split the document, or give the workers more memory (spec.workers.resources), and upload it again."
    )
    return DocumentError(ErrorCode.PARSE_CRASHED, message, hint=hint)


class Batcher:
    """Groups chunks into numbered batches, and holds the newest one back."""

    def __init__(self, document: Document) -> None:
        """The document must have been taken up."""
        if document.layout is None or document.collection is None:
            raise ValueError(f"document {document.document_id} has no layout")
        self._document, self._size = document, document.layout.batch_size
        self._collection = document.collection
        self._number = 0
        self._chunks: list[Chunk] = []

    def add(self, chunks: list[Chunk]) -> Iterator[EmbedBatch]:
        """Take chunks, and give the batches that are full and are not the last."""
        for chunk in chunks:
            if len(self._chunks) == self._size:
                yield self._batch()
            self._chunks.append(chunk)

    def last(self) -> EmbedBatch | None:
        """The batch held back, or None if there was no chunk at all."""
        return self._batch() if self._chunks else None

    def _batch(self) -> EmbedBatch:
        document = self._document
        batch = EmbedBatch(
            document_id=document.document_id,
            generation=document.generation,
            number=self._number,
            collection=self._collection,
            revision=document.revision,
            file_name=document.file_name,
            chunks=self._chunks,
        )
        self._number, self._chunks = self._number + 1, []
        return batch
