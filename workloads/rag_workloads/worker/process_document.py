"""The job of the ingest queue: one document from the object store to batches on the embed queue."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
import structlog
from tokenizers import Tokenizer

from rag_contract.environment.worker import WorkerSettings
from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.jobs.queue import Queue, RetryLater
from rag_workloads.library.documents import Document, DocumentError, ErrorCode, Stage, State
from rag_workloads.library.files import ObjectStore
from rag_workloads.library.records import DocumentStore
from rag_workloads.web import metrics
from rag_workloads.worker.chunking import Chunker, slices
from rag_workloads.worker.pages import Tally
from rag_workloads.worker.parser import Parser, TimeBudget

ROOM_POLL_SECONDS = 0.2

log = structlog.get_logger(__name__)


class Superseded(Exception):
    """The document was deleted, replaced or finished while it was processed: nobody waits for this job."""


@dataclass(frozen=True)
class DocumentProcessor:
    """Processes documents. All of it may be done twice: ids are fixed, and done batches are skipped."""

    settings: WorkerSettings
    queue: Queue
    documents: DocumentStore
    objects: ObjectStore
    parser: Parser
    tokenizer: Tokenizer

    async def process_document(self, document_id: str, generation: int) -> None:
        """Process one generation. What cannot succeed fails it at once, other errors are tried again.

        An attempt is counted before it begins: one that kills this process counts too.
        """
        attempts = await self.documents.count_attempt(document_id, generation)
        document = await self.documents.get(document_id)
        if not attempts or document is None or document.generation != generation:
            return
        try:
            if attempts > self.settings.retries + 1:
                raise _worker_died(attempts - 1)
            await self._ingest(document)
        except asyncio.CancelledError:  # the worker stops, which is not the document's fault
            await self.documents.count_attempt(document_id, generation, -1)
            raise
        except Superseded:
            log.info("document superseded", document_id=document_id, generation=generation)
        except DocumentError as error:
            await self._fail(document, error)
        except Exception as error:
            log.exception("document not processed", document_id=document_id, attempt=attempts)
            await self._retry(document, attempts, error)

    async def _ingest(self, document: Document) -> None:
        await self._record(document, state=State.PROCESSING, stage=Stage.PARSING)
        budget = TimeBudget(self.settings.time_limit_seconds)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "document")
            await budget.spend(self._fetch(document, path))
            pages = await self.parser.count_pages(path, document.content_type, budget)
            await self._record(document, pages=pages)
            tally = Tally()
            await self._enqueue(document, tally, self._chunks(document, path, pages, tally, budget))

    async def _fetch(self, document: Document, path: Path) -> None:
        try:
            await self.objects.fetch(document.object_key, path)
        except FileNotFoundError as error:
            hint = "Upload the file again."
            raise DocumentError(ErrorCode.OBJECT_MISSING, "The uploaded file is gone.", hint=hint) from error

    async def _chunks(
        self, document: Document, path: Path, pages: int, tally: Tally, budget: TimeBudget
    ) -> AsyncIterator[list[Chunk]]:
        """The document's chunks in order, some at a time; records progress as the pages go by."""
        chunker = Chunker(self.tokenizer, self.settings.chunk_size_tokens, self.settings.chunk_overlap_tokens)

        def cut(page: int, text: str) -> list[Chunk]:
            return list(chunker.feed(page, text))

        async for read in self.parser.read_pages(path, document.content_type, pages, budget):
            for page in read:
                tally.add(page)
                # A thread cannot be stopped, so that it gets little at a time.
                for piece in slices(page.text):
                    yield await budget.spend(anyio.to_thread.run_sync(cut, tally.pages, piece))
            metrics.PAGES_PARSED.inc(len(read))
            # Progress never goes back, in a second run neither.
            await self._record(document, pages_done=max(tally.pages, document.pages_done))
        yield list(chunker.finish())

    async def _enqueue(self, document: Document, tally: Tally, parts: AsyncIterator[list[Chunk]]) -> None:
        """Queue the chunks in batches.

        The last batch waits until the record says how many there are, so that whoever embeds the last one
        knows that the document is complete; it is queued even if it is done, to the same end.
        """
        done = await self.documents.done_batches(document.document_id, document.generation)
        batcher = Batcher(document, self.settings.batch_size)
        async for chunks in parts:
            for batch in batcher.add(chunks):
                if batch.number not in done:
                    await self._wait_for_room(document)
                    await self.queue.enqueue_batch(batch)
        last = batcher.last()
        if last is None:
            raise tally.no_text()
        count = last.chunks[-1].index + 1
        await self._record(
            document, stage=Stage.EMBEDDING, chunks=count, batches=last.number + 1, **tally.fields()
        )
        await self._wait_for_room(document)
        await self.queue.enqueue_batch(last)

    async def _wait_for_room(self, document: Document) -> None:
        while not await self.queue.room(self.settings.max_batches_in_flight):
            await asyncio.sleep(ROOM_POLL_SECONDS)
            await self._record(document)

    async def _record(self, document: Document, **fields: str | int) -> None:
        """Update the record, or stop if it is no longer ours."""
        if not await self.documents.update(document.document_id, document.generation, **fields):
            raise Superseded

    async def _fail(self, document: Document, error: DocumentError) -> None:
        log.warning(
            "document failed",
            document_id=document.document_id,
            code=error.code,
            page=error.page,
            reason=error.message,
        )
        if await self.documents.fail(document.document_id, document.generation, error):
            metrics.DOCUMENTS.labels(error.code).inc()

    async def _retry(self, document: Document, attempts: int, error: Exception) -> None:
        if attempts > self.settings.retries:
            hint = "Upload the file again; if it fails again, look at the worker's log."
            reason = f"Processing failed {attempts} times, last with {type(error).__name__}."
            await self._fail(document, DocumentError(ErrorCode.INTERNAL, reason, hint=hint))
            return
        raise RetryLater(self.settings.retry_delay_seconds) from error


def _worker_died(attempts: int) -> DocumentError:
    message = f"The worker died on this document, in the last of {attempts} attempts."
    hint = (
        "Split the document, or give the workers more memory (spec.workers.resources), and upload it again."
    )
    return DocumentError(ErrorCode.PARSE_CRASHED, message, hint=hint)


class Batcher:
    """Groups chunks into numbered batches, and holds the newest one back."""

    def __init__(self, document: Document, size: int) -> None:
        self._document, self._size = document, size
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
            document.document_id, document.generation, self._number, document.file_name, self._chunks
        )
        self._number, self._chunks = self._number + 1, []
        return batch
