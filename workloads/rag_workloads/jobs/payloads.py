"""Names, ids and payloads of the jobs; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self, cast
from uuid import NAMESPACE_URL, uuid5

from pydantic import TypeAdapter, ValidationError

from rag_contract.names import embed_queue, ingest_queue

NAMESPACE = uuid5(NAMESPACE_URL, "urn:ragpipeline:chunk")


class Undecodable(Exception):
    """A queue entry is no job that this program knows."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document's text.

    `page` (from 1) is where it starts. `page_starts` holds every page in it, with the offset in `text`, in
    characters, where that page's text begins: [[3, 0], [4, 512]]. `line_starts` tells the same of lines, from
    1, in files that have no pages.

    `headings` are those that its beginning stands under, outermost first. `table_header` is the header of a
    table whose first row of the chunk is not the table's first.
    """

    index: int
    text: str
    page: int
    page_starts: list[list[int]]
    line_starts: list[list[int]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    table_header: str = ""

    @property
    def context(self) -> str:
        """What is put before the text to embed or index it: nothing, or lines that end in a line feed."""
        return lines_above(self.headings, self.table_header)


def lines_above(headings: Sequence[str], table_header: str) -> str:
    """The context of a text that stands under them."""
    lines = [" › ".join(headings), table_header]
    return "".join(f"{line}\n" for line in lines if line)


@dataclass(frozen=True, slots=True)
class EmbedBatch:
    """Chunks to embed and write to a collection together: the unit of the embed queue.

    `revision` is that of the collection: of two, the larger one is the newer.
    """

    document_id: str
    generation: int
    number: int
    collection: str
    revision: int
    file_name: str
    chunks: list[Chunk]

    def to_payload(self) -> dict[str, Any]:
        """As plain dicts and lists, for msgpack."""
        return cast(dict[str, Any], _BATCH.dump_python(self))

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        """The inverse of `to_payload`; Undecodable if it is none."""
        try:
            return cast(Self, _BATCH.validate_python(payload))
        except ValidationError as error:
            # Without the input: texts of documents are not for logs.
            raise Undecodable(error.json(include_input=False, include_url=False)) from error


_BATCH = TypeAdapter(EmbedBatch)


def task_id(document_id: str, task: int) -> str:
    """What a client polls for one upload of one document."""
    return f"{document_id}.{task}"


def parse_task_id(task: str) -> tuple[str, int]:
    """The document id and number of a task id; ValueError if it is none."""
    document_id, dot, generation = task.rpartition(".")
    if not (dot and document_id and generation.isascii() and generation.isdigit()):
        raise ValueError(f"not a task id: {task!r}")
    return document_id, int(generation)


def ingest_job_id(pipeline: str, document_id: str, task: int) -> str:
    """ARQ's id of the job that processes a document; one id, so that it is queued once."""
    return f"{ingest_queue(pipeline)}:{task_id(document_id, task)}"


def embed_job_id(pipeline: str, document_id: str, generation: int, number: int) -> str:
    """ARQ's id of the job that embeds a batch."""
    return f"{embed_queue(pipeline)}:{task_id(document_id, generation)}:{number}"


def parse_job_id(queue: str, job_id: str) -> tuple[str, int, int | None]:
    """The document of a job, its task or generation, and the batch if it is one; ValueError for no job's."""
    task, _, batch = job_id.removeprefix(f"{queue}:").partition(":")
    return *parse_task_id(task), int(batch) if batch else None


def chunk_id(document_id: str, index: int) -> str:
    """The id of a chunk that clients see."""
    return f"{document_id}_chunk_{index}"


def point_id(document_id: str, index: int, generation: int) -> str:
    """The id of a chunk's point: the same for the same work, so that writing twice changes nothing."""
    return str(uuid5(NAMESPACE, f"{chunk_id(document_id, index)}:{generation}"))
