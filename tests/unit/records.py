"""Builders of records with good defaults."""

from datetime import UTC, datetime

from rag_workloads.library.documents import Document


def document(**fields: object) -> Document:
    """A pending document, but for `fields`."""
    now = datetime.now(UTC)
    known = {
        "document_id": "doc",
        "file_name": "a.pdf",
        "content_type": "application/pdf",
        "size_bytes": 1,
        "sha256": "00",
        "object_key": "documents/doc/00",
        "task": 1,
        "generation": 1,
        "created_at": now,
        "updated_at": now,
    }
    return Document.model_validate(known | fields)
