"""What the API of a pipeline answers, as far as a client makes use of it; what it does not know is kept."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["pending", "processing", "completed", "failed", "cancelled"]
ENDED = ("completed", "failed", "cancelled", "deleted")


class Answer(BaseModel):
    """A part of an answer; `--output json` shows all that the API said."""

    model_config = ConfigDict(extra="allow")


class Uploaded(Answer):
    """The answer to an upload. `changed` is False when these bytes were there already."""

    document_id: str
    status: State
    task_id: str
    message: str
    changed: bool


class Warned(Answer):
    """What was not read of a page of a completed document."""

    page: int
    code: str
    message: str


class Result(Answer):
    """What a completed document consists of; `warnings` are the first of `warnings_total`."""

    document_id: str
    file_name: str
    pages: int
    chunks: int
    warnings: list[Warned] = []
    warnings_total: int = 0


class Failure(Answer):
    """Why a document failed: a stable code, a sentence, the page where it applies, and what to do."""

    code: str
    message: str
    page: int | None = None
    hint: str | None = None

    def __str__(self) -> str:
        page = f" (page {self.page})" if self.page else ""
        return f"{self.code}{page}: {self.message} {self.hint or ''}".rstrip()


class Status(Answer):
    """How far the ingestion of a document is; progress runs from 0 to 100."""

    task_id: str
    document_id: str
    status: State
    progress: float
    stage: str | None = None
    result: Result | None = None
    error: Failure | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the document."""
        return self.status in ENDED


class Event(Answer):
    """A change of a document."""

    task_id: str
    document_id: str
    status: State | Literal["deleted"]
    pages: int | None
    pages_done: int
    chunks: int | None
    chunks_done: int


class Timings(Answer):
    """Seconds that each stage took, None for those that are not over."""

    queued: float | None
    parsing: float | None
    embedding: float | None
    indexing: float | None


class Document(Answer):
    """A document."""

    document_id: str
    task_id: str
    file_name: str
    tags: list[str]
    size_bytes: int
    sha256: str
    state: State
    stage: str | None
    progress: int
    pages: int | None
    pages_done: int
    pages_without_text: int
    chunks: int | None
    chunks_done: int
    attempts: int
    timings: Timings
    warnings: list[Warned]
    warnings_total: int
    error: Failure | None
    searchable: bool
    created_at: str


class Documents(Answer):
    """A page of documents, newest first."""

    documents: list[Document]
    next_cursor: str | None
    total: int | None
    counts: dict[str, int]


class Citation(Answer):
    """What an answer rests on, and the sentence of it nearest to the question."""

    document_id: str
    file_name: str
    page: int
    heading: str | None = None
    line: int | None = None
    chunk_id: str
    score: float | None = None
    quote: str

    @property
    def place(self) -> str:
        """Where it stands: the page, or the line of a file without pages, and the heading."""
        where = f"page {self.page}" if self.line is None else f"line {self.line}"
        return f"{where}, {self.heading}" if self.heading else where


class Answered(Answer):
    """A whole answer; its text is None where the pipeline has no language model."""

    answer: str | None
    citations: list[Citation]


class Chunk(Answer):
    """A passage of a document as it was embedded."""

    chunk_id: str
    chunk_index: int
    page: int
    text: str
