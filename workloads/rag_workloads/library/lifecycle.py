"""The life of a document: over `processing` and `removal` the only room that orders the stores and queues.

The record is right. What the other stores hold follows it, in an order in which the process may die between
any two writes: a file is there before its record, points before they are active, a record's end before what
it leaves behind is removed. What is left to be done stands in the record's index `work` or in `trash`, where
`recover` finds it; what no record names is found by the sweep.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import structlog
from redis.exceptions import OutOfMemoryError

from rag_workloads.library.collections import VectorStoreError
from rag_workloads.library.documents import (
    Description,
    Document,
    DocumentError,
    ErrorCode,
    NewDocument,
)
from rag_workloads.library.processing import Processing, Superseded
from rag_workloads.library.records import Begun
from rag_workloads.library.recovery import MAX_RECOVERIES, Need, needs

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Library(Processing):
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

    async def _refuse(self, new: NewDocument) -> None:
        """Delete the file of an upload that was refused, unless an earlier sending of it was taken."""
        document = await self.records.get(new.document_id)
        if self.files and (document is None or new.object_key not in document.object_keys):
            await self.files.delete(new.object_key)

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
