"""Finds documents whose jobs were lost, and queues them again: no document stays unfinished for ever."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from rag_workloads.jobs.queue import Queue
from rag_workloads.library.documents import Document, DocumentError, ErrorCode
from rag_workloads.library.records import DocumentStore
from rag_workloads.web import metrics

INTERVAL_SECONDS = 30
MAX_RECOVERIES = 3
# A record younger than this may be between two steps, such as its creation and its job's.
SETTLED = timedelta(seconds=60)

log = structlog.get_logger(__name__)


async def recover_for_ever(queue: Queue, documents: DocumentStore) -> None:
    """Look every `INTERVAL_SECONDS`; of all workers, the one that gets the lock does."""
    while True:
        try:
            lock = f"{queue.pipeline}:recovery"
            if await queue.redis.set(lock, "1", nx=True, px=INTERVAL_SECONDS * 1000 - 500):
                await recover(queue, documents)
        except Exception:  # whatever it is, the next look may succeed
            log.exception("recovery skipped")
        await asyncio.sleep(INTERVAL_SECONDS)


async def recover(queue: Queue, documents: DocumentStore) -> None:
    """Queue every stalled document again, or fail it if that did not help before."""
    settled_before = datetime.now(UTC) - SETTLED
    for document in await documents.unfinished():
        if document.updated_at < settled_before and await _stalled(queue, documents, document):
            await _recover(queue, documents, document)


async def _stalled(queue: Queue, documents: DocumentStore, document: Document) -> bool:
    """Whether no job will bring the document any further."""
    document_id, generation = document.document_id, document.generation
    if await queue.document_queued(document_id, generation):
        return False
    if document.batches is None:
        return True
    # First the queue, then the record: a batch leaves the queue after it is recorded as done.
    missing = await queue.missing_batches(document_id, generation, document.batches)
    done = await documents.done_batches(document_id, generation)
    return len(missing) == document.batches or not done.issuperset(missing)


async def _recover(queue: Queue, documents: DocumentStore, document: Document) -> None:
    document_id, generation = document.document_id, document.generation
    recoveries = document.recoveries + 1
    if recoveries > MAX_RECOVERIES:
        message = f"The document's work was lost {recoveries} times."
        hint = "Upload the file again; if it stalls again, look for restarts of Redis and of the worker."
        error = DocumentError(ErrorCode.INGEST_STALLED, message, hint=hint)
        if await documents.fail(document_id, generation, error):
            metrics.DOCUMENTS.labels(error.code).inc()
    elif await documents.update(document_id, generation, recoveries=recoveries, attempts=0):
        log.warning("document stalled, queued again", document_id=document_id, recoveries=recoveries)
        await queue.enqueue_document(document_id, generation)
