"""The job of the ingest queue: one document from the object store to batches on the embed queue."""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import anyio.to_thread
import structlog

from rag_contract.environment.worker import WorkerSettings
from rag_contract.stats import ProblemComponent
from rag_workloads import tracing
from rag_workloads.jobs.consumer import RetryLater
from rag_workloads.jobs.redis_errors import AWAY
from rag_workloads.library.collections import VectorStoreAway
from rag_workloads.library.documents import Document, DocumentError, ErrorCode, Layout
from rag_workloads.library.files import FilesAway, ObjectStore
from rag_workloads.library.gate import Gate
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.processing import OtherCollection, Superseded
from rag_workloads.web import metrics
from rag_workloads.worker.attempts import Attempt, Attempts
from rag_workloads.worker.cutting import CheckpointUnreadable, Cutter
from rag_workloads.worker.measure import Measure
from rag_workloads.worker.pages import Page
from rag_workloads.worker.parser import Parser, Reading, TimeBudget

ROOM_POLL_SECONDS = 0.2
# Another attempt reads about so many pages again at most, however little text is on them.
NOTED_PAGES = 32
PROGRESS_SECONDS = 0.5
# Before a document that is for newer pods, or that waits for a store, is taken up again.
HAND_BACK_SECONDS = 5
# What is no fault of the document that meets it.
DEPENDENCY_AWAY = (*AWAY, VectorStoreAway, FilesAway)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DocumentProcessor:
    """Processes documents; an attempt goes on where the one before it came.

    An attempt is counted before it begins, so that one that kills this process counts too. One that ends as
    the worker stops, or as a dependency is away, is taken back.

    An attempt notes each page before it is read, and that it has none in hand while it waits for others. If
    two attempts in a row die with the same page in hand, the document fails at that page, however often it
    may be tried. Workers that are killed at random do not come to that: a page is in hand for milliseconds,
    and the second kill would have to find the document at the very same one. Any other death counts as an
    attempt, from where the document last got further.
    """

    settings: WorkerSettings
    library: Library
    files: ObjectStore
    parser: Parser
    measure: Measure
    attempts: Attempts
    gate: Gate

    async def process_document(self, document_id: str, task: int) -> None:
        """Process the upload of a task.

        What cannot succeed fails it at once, other errors are tried again.
        """
        attempt = Attempt(document_id, uuid4().hex)
        tracing.note({"ragpipeline.document.id": document_id})
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
            await self._ingest(document)
        except (Superseded, *DEPENDENCY_AWAY):
            raise
        except DocumentError as error:
            await self._fail(document, error)
        except Exception as error:
            log.exception("document not processed", document_id=document.document_id)
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
        if document.batches is not None:  # all are queued
            return
        if document.deadly_page:
            raise _worker_died("twice", document.deadly_page)
        if document.attempts > self.settings.retries + 1:
            raise _worker_died(f"in the last of {document.attempts - 1} attempts")
        budget = TimeBudget(self.settings.time_limit_seconds)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "document")
            with tracing.step("fetch file"):
                await self._fetch(document, path, budget)
            with tracing.step("read and cut"):
                async with self.parser.open(path, document.content_type, budget) as reading:
                    await self.library.progress(document, pages=reading.pages)
                    cutter = await self._cutter(document)
                    await self._cut(document, reading, cutter, budget)
                await self._finish(document, cutter)

    async def _cutter(self, document: Document) -> Cutter:
        """Begin where an earlier attempt came."""
        try:
            return Cutter(document, self.measure, await self.library.checkpoint(document))
        except CheckpointUnreadable as error:
            await self.library.embed_again(document)
            raise Superseded from error

    async def _fetch(self, document: Document, path: Path, budget: TimeBudget) -> None:
        try:
            await budget.spend(self.files.fetch(document.source, path))
        except Exception as error:
            await self.files.ready()  # else it says nothing of this file
            if not isinstance(error, FileNotFoundError):
                raise
            hint = "Upload the file again."
            raise DocumentError(ErrorCode.OBJECT_MISSING, "The uploaded file is gone.", hint=hint) from error

    async def _cut(self, document: Document, reading: Reading, cutter: Cutter, budget: TimeBudget) -> None:
        """Queue the document's batches in order, but the last; records progress as the pages go by."""
        told, noted = time.monotonic(), cutter.page - 1
        for number in range(cutter.page, reading.pages + 1):
            await self.library.turn_to(document, number)
            page = await reading.read(number)
            if await self._cut_page(document, page, cutter, budget):
                noted = number
            elif number - noted == NOTED_PAGES:
                await self.library.note(document, cutter.number, cutter.checkpoint())
                noted = number
            metrics.PAGES_PARSED.inc()
            if number == reading.pages or time.monotonic() - told > PROGRESS_SECONDS:
                # Progress never goes back, in a second attempt neither.
                pages_done = max(cutter.tally.pages, document.pages_done)
                await self.library.progress(document, pages_done=pages_done)
                told = time.monotonic()

    async def _cut_page(self, document: Document, page: Page, cutter: Cutter, budget: TimeBudget) -> bool:
        """Queue the batches that a page fills; whether there were any."""
        queued = False
        # A thread cannot be stopped, so that it gets little at a time.
        for piece in cutter.pieces(page):
            batches = await budget.spend(anyio.to_thread.run_sync(cutter.feed, piece))
            if batches:
                await self._wait_for_room(document)
                await self.library.cut(document, batches, cutter.checkpoint())
                queued = True
        return queued

    async def _finish(self, document: Document, cutter: Cutter) -> None:
        """Queue the last batches, with what is known of the whole document then."""
        batches, chunks = await anyio.to_thread.run_sync(cutter.finish)
        if not batches:
            raise cutter.tally.no_text()
        await self.library.progress(document, **cutter.tally.fields())
        await self._wait_for_room(document)
        await self.library.cut(document, batches, chunks=chunks)

    async def _wait_for_room(self, document: Document) -> None:
        limits = self.settings.max_batches_in_flight, self.settings.max_bytes_in_flight
        while not await self.library.queue.room(*limits):
            await self.library.turn_to(document, None)
            await asyncio.sleep(ROOM_POLL_SECONDS)
            await self.library.progress(document)

    async def _retry(self, document: Document, error: Exception) -> None:
        record = await self.library.records.get(document.document_id)
        if record is None or record.holder != document.holder:
            raise Superseded from error
        if record.attempts <= self.settings.retries:  # they count from where it last got further
            await self.library.turn_to(document, None)
            raise RetryLater(self.settings.retry_delay_seconds) from error
        hint = "Upload the file again; if it fails again, look at the worker's log."
        reason = f"Processing failed {record.attempts} times, last with {type(error).__name__}."
        failure = DocumentError(ErrorCode.INTERNAL, reason, hint=hint)
        await self._fail(document, failure)

    async def _fail(self, document: Document, error: DocumentError) -> None:
        """Fail the document, unless another attempt has begun. Its job stays for whoever goes on with it."""
        await self.library.fail(document.document_id, document.generation, error, document.holder)
        if await self.library.waits(document.document_id, document.task):
            raise RetryLater(0) from error


def _worker_died(when: str, page: int | None = None) -> DocumentError:
    message = f"The worker died on {f'page {page} of ' if page else ''}this document, {when}."
    hint = (
        "Split the document, or give the workers more memory (spec.workers.resources), and upload it again."
    )
    return DocumentError(ErrorCode.PARSE_CRASHED, message, page, hint)
