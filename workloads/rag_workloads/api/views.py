"""What the routes about documents answer."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, JsonValue

from rag_workloads.jobs.payloads import task_id
from rag_workloads.library.documents import (
    Document,
    ErrorCode,
    PageWarning,
    Stage,
    Standing,
    State,
    generation_at,
)
from rag_workloads.library.timings import Timings

# By how much a record may be younger than its first task.
CREATION_SECONDS = 1


class UploadAccepted(BaseModel):
    """A document was taken, or is known already; poll `task_id` for its progress.

    `status` is processing as soon as it is taken, though it may wait: its task tells pending until a worker
    has it. Of one that is known it is what its task tells.
    """

    document_id: str
    status: State
    task_id: str
    message: str


class TaskResult(BaseModel):
    """What became of a completed document; `warnings` are the first of `warnings_total`."""

    document_id: str
    file_name: str
    pages: int
    pages_without_text: int
    chunks: int
    warnings: list[PageWarning]
    warnings_total: int


class TaskError(BaseModel):
    """Why a document failed: a stable code, the page (from 1) if one is at fault, and what to do."""

    code: ErrorCode
    message: str
    page: int | None = None
    hint: str | None = None

    @classmethod
    def of(cls, standing: Standing) -> Self | None:
        """Why it failed, if it did."""
        if standing.error_code is None:
            return None
        return cls(
            code=standing.error_code,
            message=standing.error_message or "",
            page=standing.error_page,
            hint=standing.error_hint,
        )


class TaskStatus(BaseModel):
    """How far a document is; `progress` is 0 to 100, and what is finished has no stage."""

    task_id: str
    document_id: str
    status: State
    progress: int
    stage: Stage | None = None
    result: TaskResult | None = None
    error: TaskError | None = None

    @classmethod
    def of(cls, document: Document) -> Self:
        """The status of a document's present generation."""
        return cls(
            task_id=document.task_id,
            document_id=document.document_id,
            status=document.state,
            progress=document.progress,
            stage=document.stage,
            result=_result(document),
            error=TaskError.of(document),
        )

    @classmethod
    def find(cls, document: Document | None, task: int) -> Self | None:
        """The status of a task, where `document` is its record as it is now; None if there is none.

        Nor is there one from before the document was: tasks are numbered as generations are.
        """
        if document is None or task > document.task:
            return None
        if task == document.task:
            return cls.of(document)
        before = document.created_at.timestamp() - CREATION_SECONDS
        return cls.superseded(document.document_id, task) if task >= generation_at(before) else None

    @classmethod
    def superseded(cls, document_id: str, task: int) -> Self:
        """The status of a task whose place newer bytes took."""
        error = TaskError(
            code=ErrorCode.SUPERSEDED,
            message="Newer bytes were uploaded for this document and took the place of these.",
            hint="Ask for the task of the newer upload.",
        )
        return cls(
            task_id=task_id(document_id, task),
            document_id=document_id,
            status=State.FAILED,
            progress=0,
            error=error,
        )


class DocumentView(BaseModel):
    """A document as clients see it.

    Its state, pages, chunks and error are those of the bytes that were uploaded last; how many chunks there
    are is known once all pages are read. `searchable` says whether searches find it now, be it by those bytes
    or by the ones before; `collection` is where they find it, or where it goes. `attempts` are those since it
    last got further. `warnings` are the first of `warnings_total`.
    """

    document_id: str
    task_id: str
    file_name: str
    tags: list[str]
    metadata: dict[str, JsonValue]
    content_type: str
    size_bytes: int
    sha256: str
    state: State
    stage: Stage | None
    progress: int
    pages: int | None
    pages_done: int
    pages_without_text: int
    chunks: int | None
    chunks_done: int
    attempts: int
    timings: Timings
    warnings: list[PageWarning]
    warnings_total: int
    error: TaskError | None
    collection: str | None
    searchable: bool
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None

    @classmethod
    def of(cls, document: Document, collection: str) -> Self:
        """The view of a record, where searches look in `collection`."""
        told = {
            "task_id": document.task_id,
            "progress": document.progress,
            "timings": Timings.of(document),
            "error": TaskError.of(document),
            "collection": document.active_collection or document.collection,
            "searchable": document.active_collection == collection,
        }
        # A list has a thousand of them: the record's own fields are taken as they are.
        return cls.model_validate(vars(document) | told)


class DocumentList(BaseModel):
    """A page of documents, newest first, and the cursor of the next, null if there is none.

    `total` is how many the filter finds, null where that would take a look at each. `counts` has all
    documents by state.
    """

    documents: list[DocumentView]
    next_cursor: str | None
    total: int | None
    counts: dict[State, int]


class ChunkView(BaseModel):
    """A chunk that searches see; `page` (from 1) is where it starts."""

    chunk_id: str
    chunk_index: int
    page: int
    text: str


class ChunkList(BaseModel):
    """A page of a document's chunks, in the order of the text."""

    chunks: list[ChunkView]
    total: int


def _result(document: Document) -> TaskResult | None:
    if document.state is not State.COMPLETED:
        return None
    return TaskResult(
        document_id=document.document_id,
        file_name=document.file_name,
        pages=document.pages or 0,
        pages_without_text=document.pages_without_text,
        chunks=document.chunks or 0,
        warnings=document.warnings,
        warnings_total=document.warnings_total,
    )
