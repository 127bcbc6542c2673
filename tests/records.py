"""Builders of documents and batches: a test names what it is about, all else has a good default."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.library.documents import Document, NewDocument


def new_document(**fields: object) -> NewDocument:
    """A PDF as it arrives, but for `fields`."""
    known = {
        "document_id": "doc",
        "file_name": "a.pdf",
        "content_type": "application/pdf",
        "size_bytes": 1,
        "sha256": "00",
        "object_key": "documents/doc/00",
    }
    return NewDocument.model_validate(known | fields)


def document(**fields: object) -> Document:
    """A pending document, but for `fields`."""
    now = datetime.now(UTC)
    known = {"task": 1, "generation": 1, "created_at": now, "updated_at": now}
    return Document.model_validate(new_document().model_dump() | known | fields)


def batch(of: Document, number: int, chunks: Sequence[Chunk] = ()) -> EmbedBatch:
    """A batch of a document that was taken up, with these chunks, or with one of its own number."""
    return EmbedBatch(
        of.document_id,
        of.generation,
        number,
        of.collection or "",
        of.revision,
        of.file_name,
        list(chunks) or [Chunk(number, "text", 1, [[1, 0]])],
    )
