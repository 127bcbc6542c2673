"""How long a document took, by stage: as its record tells it, and as metrics."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from rag_workloads.library.documents import Document, ErrorCode, State
from rag_workloads.web import metrics

# Zeros are shown too: a query sees the first of something only as a step from none.
for outcome in ("completed", *ErrorCode):
    metrics.DOCUMENTS.labels(outcome)


class Timings(BaseModel):
    """Seconds that each stage of the last attempt took, null for those that are not over."""

    queued: float | None
    parsing: float | None
    embedding: float | None
    indexing: float | None

    @classmethod
    def of(cls, document: Document) -> Self:
        """The time between the steps that the record notes; batches are embedded while pages are read."""
        begun, taken, cut = document.begun_at, document.taken_up_at, document.cut_at
        embedded = document.embedded_at
        completed = document.completed_at if document.state is State.COMPLETED else None
        return cls(
            queued=_between(begun, taken),
            parsing=_between(taken, cut),
            embedding=_between(cut, embedded),
            indexing=_between(embedded, completed),
        )


def count_completed(document: Document) -> None:
    """Count a document that has become searchable, and what it took."""
    metrics.DOCUMENTS.labels("completed").inc()
    for stage, seconds in Timings.of(document):
        if seconds is not None:
            metrics.STAGE_SECONDS.labels(stage).observe(seconds)
    whole = _between(document.begun_at, document.completed_at)
    if whole is not None:  # a record of an earlier release may not say
        metrics.SEARCHABLE_SECONDS.observe(whole)


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None
