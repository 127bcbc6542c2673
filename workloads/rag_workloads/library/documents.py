"""The record of a document: its states, its errors, and how far it is."""

import time
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, model_validator
from pydantic_core import from_json

from rag_workloads.jobs.payloads import task_id

# Shares of the progress: reading the pages, then embedding the batches.
PARSE_SHARE, EMBED_SHARE = 30, 70


class State(StrEnum):
    """Where a document stands; the last three are final."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Stage(StrEnum):
    """What is being done to a document that is not finished."""

    QUEUED = "queued"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    INDEXING = "indexing"


class ErrorCode(StrEnum):
    """Why a document failed, or a page of it was not read as it is; stable, for programs."""

    PDF_CORRUPT = "PDF_CORRUPT"
    PDF_ENCRYPTED = "PDF_ENCRYPTED"
    PDF_NO_TEXT = "PDF_NO_TEXT"
    TEXT_EMPTY = "TEXT_EMPTY"
    FILE_CORRUPT = "FILE_CORRUPT"
    FILE_ENCRYPTED = "FILE_ENCRYPTED"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    TEXT_DAMAGED = "TEXT_DAMAGED"
    TEXT_ENCODING_GUESSED = "TEXT_ENCODING_GUESSED"
    TEXT_HIDDEN = "TEXT_HIDDEN"
    UNSUPPORTED_TYPE = "UNSUPPORTED_TYPE"
    PAGE_BY_OCR = "PAGE_BY_OCR"
    PARSE_TIMEOUT = "PARSE_TIMEOUT"
    PARSE_CRASHED = "PARSE_CRASHED"
    EMBEDDING_FAILED = "EMBEDDING_FAILED"
    INGEST_STALLED = "INGEST_STALLED"
    OBJECT_MISSING = "OBJECT_MISSING"
    SUPERSEDED = "SUPERSEDED"
    DELETE_UNFINISHED = "DELETE_UNFINISHED"
    INTERNAL = "INTERNAL"


class DocumentError(Exception):
    """A document cannot be ingested: code, what happened, the page (from 1) at fault if any, what to do."""

    def __init__(
        self, code: ErrorCode, message: str, page: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.page, self.hint = code, message, page, hint

    def __reduce__(self) -> tuple[type["DocumentError"], tuple[ErrorCode, str, int | None, str | None]]:
        """Survives the way back from the parser's process."""
        return DocumentError, (self.code, self.message, self.page, self.hint)


class PageWarning(BaseModel):
    """What was not read, or not as it is, of a page (from 1) of a document that is ingested all the same."""

    model_config = ConfigDict(frozen=True)

    page: int
    code: ErrorCode
    message: str


def generation_at(seconds: float | None = None) -> int:
    """The least generation that can begin at a time, now unless given; see `scripts.FUNCTIONS`."""
    return int((time.time() if seconds is None else seconds) * 1000)


class Standing(BaseModel):
    """How far a document is; what is gone is "deleted". `batches` is known once all of them are queued."""

    model_config = ConfigDict(frozen=True)

    document_id: str
    task: int
    state: State | Literal["deleted"]
    stage: Stage | None = None
    pages: int | None = None
    pages_done: int = 0
    chunks: int | None = None
    chunks_done: int = 0
    batches: int | None = None
    batches_done: int = 0
    error_code: ErrorCode | None = None
    error_message: str | None = None
    error_page: int | None = None
    error_hint: str | None = None

    @property
    def task_id(self) -> str:
        """The id that a client polls."""
        return task_id(self.document_id, self.task)

    @property
    def unfinished(self) -> bool:
        """Whether there is work left to do."""
        return self.state in (State.PENDING, State.PROCESSING)

    @property
    def ended(self) -> bool:
        """Whether nothing more comes by itself: the end of a deletion does."""
        return not self.unfinished and self.error_code is not ErrorCode.DELETE_UNFINISHED

    @property
    def progress(self) -> int:
        """0 to 100; 100 only when completed."""
        if self.state is State.COMPLETED:
            return 100
        parsed = PARSE_SHARE * self.pages_done / self.pages if self.pages else 0
        embedded = EMBED_SHARE * self.batches_done / self.batches if self.batches else 0
        return min(99, int(parsed + embedded))


def _parsed(value: object) -> object:
    """What a record holds as JSON."""
    return from_json(value) if isinstance(value, str) else value


Tags = Annotated[list[str], BeforeValidator(_parsed)]
Metadata = Annotated[dict[str, JsonValue], BeforeValidator(_parsed)]


class Description(BaseModel):
    """What a client says of a document; every chunk of it carries it, for filters."""

    model_config = ConfigDict(frozen=True)

    file_name: str
    tags: Tags = []
    metadata: Metadata = {}


class NewDocument(Description):
    """What is known of a document when it arrives."""

    document_id: str
    content_type: str
    size_bytes: int
    sha256: str
    object_key: str


class Layout(BaseModel):
    """How a document is cut, in tokens and in chunks a batch: frozen in the generation that began with it."""

    model_config = ConfigDict(frozen=True)

    chunk_size: int
    chunk_overlap: int
    batch_size: int


class Document(NewDocument, Standing):
    """The record.

    `task` is the number of the upload, which clients know. `generation` is the attempt that is made, or was,
    to turn its bytes into points: its collection and layout are frozen when a worker takes it up, and what is
    begun anew is a later generation. Searches see `active_generation`, which is in `active_collection`, and
    was made from `active_object_key` if an upload has come since; a generation that is made from that again,
    in another index, has it as `source_key`. `places` are the collections that may hold points of it.
    `revised` is the number of the description, which grows as generations do, and `described` that of the
    one that the chunks have which searches see. `attempts` counts how often the generation was taken up
    since it last got further, but for those times that ended by nobody's fault; only the `holder`, the
    attempt that began last, may queue batches. Two of them, one after the other, died with `deadly_page` in
    hand. `warnings` holds the first of `warnings_total`.
    """

    generation: int
    collection: str | None = None
    revision: int = 0
    chunk_size: int | None = None
    chunk_overlap: int | None = None
    batch_size: int | None = None
    active_generation: int | None = None
    active_collection: str | None = None
    active_object_key: str | None = None
    source_key: str | None = None
    places: Annotated[list[str], BeforeValidator(_parsed)] = []
    revised: int = 0
    described: int = 0
    state: State = State.PENDING
    deleting: bool = False
    pages_without_text: int = 0
    warnings: Annotated[list[PageWarning], BeforeValidator(_parsed)] = []
    warnings_total: int = 0
    batches_queued: int = 0
    attempts: int = 0
    holder: str = ""
    deadly_page: int | None = None
    recoveries: int = 0
    created_at: datetime
    begun_at: datetime | None = None
    taken_up_at: datetime | None = None
    cut_at: datetime | None = None
    embedded_at: datetime | None = None
    updated_at: datetime
    completed_at: datetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_release(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """A record whose tasks were its generations."""
        queued = fields.get("batches", 0)
        return {"task": fields.get("generation"), "batches_queued": queued, **fields}

    @property
    def layout(self) -> Layout | None:
        """How the generation is cut; None before a worker took it up."""
        if self.chunk_size is None or self.chunk_overlap is None or self.batch_size is None:
            return None
        return Layout(
            chunk_size=self.chunk_size, chunk_overlap=self.chunk_overlap, batch_size=self.batch_size
        )

    @property
    def object_keys(self) -> set[str]:
        """All its files."""
        return {self.object_key, self.active_object_key or self.object_key, self.source}

    @property
    def source(self) -> str:
        """The file that the generation is made from."""
        return self.source_key or self.object_key

    @property
    def collections(self) -> set[str]:
        """All collections that may hold points of it."""
        return {name for name in (self.collection, self.active_collection, *self.places) if name}

    @property
    def description(self) -> Description:
        """What its chunks carry."""
        return Description(file_name=self.file_name, tags=self.tags, metadata=self.metadata)

    @property
    def retriable(self) -> bool:
        """Whether it ended in a way from which it may be tried again."""
        return self.state in (State.FAILED, State.CANCELLED) and not self.deleting
