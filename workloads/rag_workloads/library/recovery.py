"""Finds documents that no job brings any further; `lifecycle` does what they need."""

import time
from collections.abc import AsyncIterator
from enum import Enum, auto

from rag_workloads.jobs.queue import Queue
from rag_workloads.library.documents import Document
from rag_workloads.library.records import Records

MAX_RECOVERIES = 3
# A record whose last step is younger may be between two steps, such as its creation and its job's.
SETTLED_SECONDS = 60
# Looked at in one round trip: Redis answers nobody else meanwhile.
PAGE = 1000


class Need(Enum):
    """What is left to be done for a document."""

    JOB = auto()
    """Its job was lost."""
    BATCHES = auto()
    """Batches of it were lost: what was cut is not cut again."""
    FINISH = auto()
    """All its batches are stored."""
    SETTLING = auto()
    """It ended, and what it wrote may be there."""
    DELETION = auto()
    """Its deletion broke off."""


async def needs(queue: Queue, records: Records) -> AsyncIterator[tuple[Document, Need]]:
    """Every document that was left, and what it needs; those whose job waits or runs cost next to nothing."""
    before, start = time.time() - SETTLED_SECONDS, 0
    while True:
        ids, looked_at = await records.left(before, start, PAGE)
        for document in await records.load(ids):
            if need := await _need(queue, records, document):
                yield document, need
        if looked_at < PAGE:
            return
        start += looked_at


async def _need(queue: Queue, records: Records, document: Document) -> Need | None:
    if document.deleting:
        return Need.DELETION
    if not document.unfinished:
        return Need.SETTLING
    if document.batches is None:
        return Need.JOB
    # First the queue, then the record: a batch leaves the queue after it is recorded as done.
    missing = await queue.missing_batches(document.document_id, document.generation, document.batches)
    done = await records.done_batches(document.document_id, document.generation)
    if len(done) >= document.batches and len(missing) == document.batches:
        return Need.FINISH
    return None if done.issuperset(missing) else Need.BATCHES
