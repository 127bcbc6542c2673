"""What workers and embedding pods do to a document, from when one takes it up until it has ended."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
import structlog
from numpy.typing import NDArray

from rag_workloads import tracing
from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.library.documents import Document, DocumentError, Layout, Stage, State
from rag_workloads.library.record_reader import NO_CHECKPOINT, Checkpoint
from rag_workloads.library.record_scripts import Field
from rag_workloads.library.records import Cut
from rag_workloads.library.removal import Removal
from rag_workloads.library.sentence_vectors import SentenceVectors
from rag_workloads.library.timings import count_completed
from rag_workloads.web import metrics

log = structlog.get_logger(__name__)


class Superseded(Exception):
    """The generation is over: the document was deleted, replaced or finished. Nobody waits for this work."""


class OtherCollection(Exception):
    """The work belongs to a collection that the spec names since: it is for a newer pod."""


@dataclass(frozen=True)
class Processing(Removal):
    """The generations of documents that are on their way. Errors are those of the stores."""

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

    async def batch_done(
        self,
        batch: EmbedBatch,
        vectors: NDArray[np.float32],
        sentences: Sequence[SentenceVectors] | None = None,
    ) -> bool:
        """Store a batch's `vectors` [chunks, dimension]; the last one of a document makes it searchable.

        `sentences` are those of each chunk, None where the engine has none. False if the generation was over.
        """
        with tracing.vector_store("upsert", batch.collection, len(batch.chunks)):
            await self.vectors.upsert(batch, vectors, sentences)
        done = await self.records.batch_done(
            batch.document_id, batch.generation, batch.number, len(batch.chunks)
        )
        if done:
            with tracing.step("make searchable"):
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
            described = document.description, document.revised
            await self.vectors.activate(collection, document_id, generation, *described)
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

    async def embed_again(self, document: Document) -> None:
        """Begin a document's bytes anew; what searches see of it stays until that is done."""
        with contextlib.suppress(Superseded):
            renewed = await self._restart(document)
            await self.queue.enqueue_document(renewed.document_id, renewed.task)

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
