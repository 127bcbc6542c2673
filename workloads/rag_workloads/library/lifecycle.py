"""The life of a document: with `removal` the only room that orders Redis, Qdrant, the files and the queues.

The record is right. What the other stores hold follows it, in an order in which the process may die between
any two writes: a file is there before its record, points before they are active, a record's end before what
it leaves behind is removed. What is left to be done stands in the record's index `work` or in `trash`, where
`recover` finds it; what no record names is found by the sweep.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
import structlog
from numpy.typing import NDArray
from redis.exceptions import OutOfMemoryError

from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.library.documents import (
    Description,
    Document,
    DocumentError,
    ErrorCode,
    Layout,
    NewDocument,
    Stage,
    State,
)
from rag_workloads.library.record_reader import NO_CHECKPOINT, Checkpoint
from rag_workloads.library.records import Begun, Cut, Field
from rag_workloads.library.recovery import MAX_RECOVERIES, Need, needs
from rag_workloads.library.removal import Removal
from rag_workloads.library.timings import count_completed
from rag_workloads.library.vectors import VectorStoreError
from rag_workloads.web import metrics

log = structlog.get_logger(__name__)


class Superseded(Exception):
    """The generation is over: the document was deleted, replaced or finished. Nobody waits for this work."""


class OtherCollection(Exception):
    """The work belongs to a collection that the spec names since: it is for a newer pod."""


@dataclass(frozen=True)
class Library(Removal):
    """The documents of one index. Errors are those of redis-py, VectorStoreError, and the object store's."""

    async def begin(self, new: NewDocument) -> Begun:
        """Take in an uploaded file, and queue it unless its bytes are known."""
        try:
            begun = await self.records.begin(new, self.target)
        except OutOfMemoryError:
            await self._refuse(new)
            raise
        if begun.new:
            await self.queue.enqueue_document(new.document_id, begun.task)
        else:
            await self._delete_files([new.object_key])
        return begun

    async def take_up(self, document_id: str, task: int, token: str, layout: Layout) -> Document:
        """Begin an attempt, which `token` names; the layout is that of the first attempt.

        Raises Superseded, or OtherCollection. A generation that was begun for an earlier collection begins
        anew.
        """
        document = await self.records.get(document_id)
        if document is None or document.task != task or not document.unfinished:
            raise Superseded
        if document.collection not in (None, self.target.collection):
            document = await self._renew(document)
        taken = await self.records.take_up(document_id, document.generation, token, self.target, layout)
        if taken is None:
            raise Superseded
        return taken

    async def give_back(self, document_id: str, token: str) -> None:
        """Take back the attempt that `token` names, if it counts: it ended by nobody's fault."""
        await self.records.give_back(document_id, token)

    async def progress(self, document: Document, **fields: Field) -> None:
        """Note how far a generation is; raises Superseded."""
        if not await self.records.update(document.document_id, document.generation, **fields):
            raise Superseded

    async def turn_to(self, document: Document, page: int | None) -> None:
        """Note the page that an attempt has in hand, so that it is known should the worker die with it.

        Raises Superseded, also if another attempt has begun.
        """
        if not await self.records.turn_to(document, page):
            raise Superseded

    async def checkpoint(self, document: Document) -> Checkpoint | None:
        """Where an attempt that was just taken up begins; None at the document's start."""
        return await self.records.checkpoint(document.document_id, document.generation)

    async def cut(
        self,
        document: Document,
        batches: Sequence[EmbedBatch],
        checkpoint: Checkpoint = NO_CHECKPOINT,
        chunks: int | None = None,
    ) -> None:
        """Queue the next batches of an attempt, in order, and note where another attempt would go on.

        `chunks` says how many there are if these batches are the last. Raises Superseded, also if another
        attempt has begun.
        """
        cut = Cut(batches[0].number, len(batches), checkpoint, chunks)
        if not await self.records.cut(document, cut, *self.queue.batch_entries(batches)):
            raise Superseded

    async def note(self, document: Document, batches: int, checkpoint: Checkpoint) -> None:
        """Note where another attempt would go on, `batches` having been queued; raises as `cut` does."""
        if not await self.records.cut(
            document, Cut(batches, 0, checkpoint, None), *self.queue.batch_entries([])
        ):
            raise Superseded

    async def waits(self, document_id: str, task: int) -> bool:
        """Whether a task is unfinished, as after its generation was begun anew."""
        document = await self.records.get(document_id)
        return document is not None and document.task == task and document.unfinished

    async def take_batch(self, batch: EmbedBatch) -> bool:
        """Whether a batch is to be embedded here; if not, what it may have written is put right.

        Raises OtherCollection. A generation whose collection is an earlier one begins anew.
        """
        document = await self.records.get(batch.document_id)
        if document is None or document.generation != batch.generation or not document.unfinished:
            await self.settle(batch.document_id, batch.generation)
            return False
        if batch.collection == self.target.collection:
            return True
        with contextlib.suppress(Superseded):
            renewed = await self._renew(document)
            await self.queue.enqueue_document(renewed.document_id, renewed.task)
        return False

    async def batch_done(self, batch: EmbedBatch, vectors: NDArray[np.float32]) -> bool:
        """Store a batch's `vectors` [chunks, dimension]; the last one of a document makes it searchable.

        False if the generation was over.
        """
        await self.vectors.upsert(batch, vectors)
        done = await self.records.batch_done(
            batch.document_id, batch.generation, batch.number, len(batch.chunks)
        )
        if done:
            return await self.finish(batch.document_id, batch.generation, batch.collection)
        if done is None:
            await self.settle(batch.document_id, batch.generation)
        return done is not None

    async def batch_failed(self, batch: EmbedBatch) -> int:
        """Count a failure of a batch that was its own; how many it has had."""
        return await self.records.batch_failed(batch.document_id, batch.generation, batch.number, uuid4().hex)

    async def finish(self, document_id: str, generation: int, collection: str) -> bool:
        """Make a generation searchable whose batches are all stored; False if it was over."""
        now = datetime.now(UTC)
        document = await self.records.get(document_id)
        updated = await self.records.update(document_id, generation, stage=Stage.INDEXING, embedded_at=now)
        if document and updated:
            await self.vectors.activate(collection, document_id, generation, document.description)
            if await self.records.complete(document_id, generation, collection, document.revised):
                ended = {"state": State.COMPLETED, "embedded_at": now, "completed_at": datetime.now(UTC)}
                count_completed(document.model_copy(update=ended))
                log.info("document completed", document_id=document_id)
                await self._try_to_settle(document_id, generation)
                return True
        await self.settle(document_id, generation)
        return False

    async def fail(self, document_id: str, generation: int, error: DocumentError, holder: str = "") -> None:
        """End a generation as failed, if it is not over; what it wrote goes, now or by `recover`.

        What the attempt `holder` met ends nothing if another has begun.
        """
        if await self.records.fail(document_id, generation, error, holder):
            metrics.DOCUMENTS.labels(error.code).inc()
            log.warning(
                "document failed",
                document_id=document_id,
                code=error.code,
                page=error.page,
                reason=error.message,
            )
        await self._try_to_settle(document_id, generation)

    async def describe(
        self, document_id: str, change: Callable[[Description], Description]
    ) -> Document | None:
        """Change what a client says of a document; the record as it is then, None if there is none.

        Its chunks follow, now or by `recover`.
        """
        while document := await self.records.get(document_id):
            if document.deleting:
                return None
            description = change(document.description)
            if await self.records.describe(document_id, document.revised, uuid4().hex, description):
                await self._try_to_settle(document_id, document.generation)
                return await self.records.get(document_id)
        return None

    async def cancel(self, document_id: str) -> Document | None:
        """Stop what is being done to a document; the record as it is then, None if there is none.

        What searches see of it stays. A document that has ended before is left as it is.
        """
        found = document = await self.records.get(document_id)
        while found and document and document.task == found.task and document.unfinished:
            if await self.records.cancel(document_id, document.generation):
                # Its own job ends by itself: it may be wanted again by now.
                await self.queue.forget_batches(document_id, document.generation, document.batches_queued)
                await self._try_to_settle(document_id, document.generation)
            document = await self.records.get(document_id)
        return document

    async def retry(self, document_id: str) -> Document | None:
        """Try a document again that failed or was cancelled; the record as it is then, None if there is none.

        One that did not end so is left as it is.
        """
        document = await self.records.get(document_id)
        if document is None or not document.retriable:
            return document
        await self.embed_again(document)
        return await self.records.get(document_id)

    async def recover(self) -> None:
        """Go on with what was left to be done: jobs that were lost, ends that broke off, files to delete."""
        await self.empty_trash()
        async for document, need in needs(self.queue, self.records):
            try:
                await self._meet(document, need)
            except (VectorStoreError, OutOfMemoryError) as error:
                log.warning("left for later", document_id=document.document_id, reason=str(error))

    async def embed_again(self, document: Document) -> None:
        """Begin a document's bytes anew; what searches see of it stays until that is done."""
        with contextlib.suppress(Superseded):
            renewed = await self._restart(document)
            await self.queue.enqueue_document(renewed.document_id, renewed.task)

    async def _refuse(self, new: NewDocument) -> None:
        """Delete the file of an upload that was refused, unless an earlier sending of it was taken."""
        document = await self.records.get(new.document_id)
        if self.files and (document is None or new.object_key not in document.object_keys):
            await self.files.delete(new.object_key)

    async def _renew(self, document: Document) -> Document:
        """Begin a generation anew whose collection is not ours: OtherCollection if it is the newer one."""
        if document.revision > self.target.revision:
            raise OtherCollection
        return await self._restart(document)

    async def _restart(self, document: Document) -> Document:
        await self.records.restart(document.document_id, document.generation, uuid4().hex, document.state)
        renewed = await self.records.get(document.document_id)
        if renewed is None or renewed.task != document.task or not renewed.unfinished:
            raise Superseded
        log.info("document begun anew", document_id=renewed.document_id, collection=self.target.collection)
        return renewed

    async def _meet(self, document: Document, need: Need) -> None:
        document_id, generation = document.document_id, document.generation
        match need:
            case Need.DELETION:
                await self._finish_deletion(document)
            case Need.SETTLING:
                await self.settle(document_id, generation)
            case Need.FINISH:
                await self.finish(document_id, generation, document.collection or self.target.collection)
            case Need.JOB | Need.BATCHES:
                await self._queue_again(document, anew=need is Need.BATCHES)

    async def _queue_again(self, document: Document, *, anew: bool) -> None:
        recoveries = document.recoveries + 1
        if recoveries > MAX_RECOVERIES:
            message = f"The document's work was lost {recoveries} times."
            hint = "Upload the file again; if it stalls again, look for restarts of Redis and of the worker."
            error = DocumentError(ErrorCode.INGEST_STALLED, message, hint=hint)
            await self.fail(document.document_id, document.generation, error)
            return
        with contextlib.suppress(Superseded):
            if anew:
                document = await self._restart(document)
            # In this order: what could not be queued was not tried.
            await self.queue.enqueue_document(document.document_id, document.task)
            await self.progress(document, recoveries=recoveries, attempts=0, attempt_tokens="")
            log.warning("document queued again", document_id=document.document_id, recoveries=recoveries)
