"""The route that tells how far all files of one upload are, and what is said of them."""

from collections import Counter
from datetime import datetime
from typing import Any, Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel

from rag_workloads.api.ids import BatchId
from rag_workloads.api.serving import PartsOf
from rag_workloads.api.views import TaskError, TaskStatus, UploadAccepted
from rag_workloads.jobs.payloads import task_id
from rag_workloads.library.documents import Document, Stage, State
from rag_workloads.library.record_reader import RecordUnreadable
from rag_workloads.library.upload_batches import BatchFile
from rag_workloads.web.problems import Problem, ProblemBody, responses

router = APIRouter(prefix="/api/v1/batches", tags=["documents"])

ENDED = 100


class FileAccepted(UploadAccepted):
    """A file of several that was taken, or is known already."""

    file_name: str


class FileRefused(BaseModel):
    """A file of several that was not taken, and why; the others were."""

    file_name: str
    problem: ProblemBody


class BatchAccepted(BaseModel):
    """What became of each file of an upload, in order; `batch_id` asks for all of them later."""

    batch_id: str
    documents: list[FileAccepted | FileRefused]


class BatchDocument(BaseModel):
    """How far a file of a batch is; one that was refused, or deleted since, has no `progress` (0 to 100)."""

    file_name: str
    state: State | Literal["deleted", "unreadable", "refused"]
    document_id: str | None = None
    task_id: str | None = None
    stage: Stage | None = None
    progress: int | None = None
    error: TaskError | None = None
    problem: ProblemBody | None = None

    @classmethod
    def of(cls, file: BatchFile, document: Document | RecordUnreadable | None) -> Self:
        """Where `document` is the record as it is now, if there is one."""
        if file.document_id is None or file.task is None:
            return cls(file_name=file.file_name, state="refused", problem=_problem(file))
        known: dict[str, Any] = {
            "file_name": file.file_name,
            "document_id": file.document_id,
            "task_id": task_id(file.document_id, file.task),
        }
        if isinstance(document, RecordUnreadable):
            return cls(**known, state="unreadable")
        status = TaskStatus.find(document, file.task)
        if status is None:
            return cls(**known, state="deleted")
        now = {"stage": status.stage, "progress": status.progress, "error": status.error}
        return cls(**known, state=status.status, **now)

    @property
    def done(self) -> int | None:
        """What it adds to the batch's progress: what has ended, however that may be, is done."""
        if self.state == "refused":
            return None
        return self.progress if self.state in (State.PENDING, State.PROCESSING) else ENDED


class BatchView(BaseModel):
    """How far an upload of several files is.

    `progress` is the mean of those that were taken, where what failed, was cancelled or deleted is over, too.
    `counts` are those in each state, where there are any.
    """

    batch_id: str
    created_at: datetime
    progress: int
    counts: dict[str, int]
    documents: list[BatchDocument]


@router.get("/{batch_id}", response_model_exclude_none=True, responses=responses(404))
async def get_batch(batch_id: BatchId, parts: PartsOf) -> BatchView:
    """How far the files are that came in one request; kept for seven days."""
    batch = await parts.batches.get(batch_id)
    if batch is None:
        detail = f"There is no batch {batch_id!r}: they are kept for seven days."
        raise Problem(404, "batch-not-found", "No such batch", detail)
    found = await parts.library.records.look([file.document_id or "" for file in batch.files])
    documents = [BatchDocument.of(*pair) for pair in zip(batch.files, found, strict=True)]
    done = [each.done for each in documents if each.done is not None]
    return BatchView(
        batch_id=batch_id,
        created_at=batch.created_at,
        progress=sum(done) // len(done),
        counts=dict(Counter(str(each.state) for each in documents)),
        documents=documents,
    )


def _problem(file: BatchFile) -> ProblemBody | None:
    return ProblemBody.model_validate(file.problem) if file.problem else None
