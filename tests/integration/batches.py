"""Documents and batches as a worker leaves them to the embedding service."""

from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.library.documents import Document, Layout, NewDocument
from rag_workloads.library.lifecycle import Library

LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=3)


async def begin(library: Library, document_id: str, sha256: str = "00") -> Document:
    """Begin a generation, and take it up as a worker does."""
    new = NewDocument(
        document_id=document_id,
        file_name="a.pdf",
        content_type="application/pdf",
        size_bytes=1,
        sha256=sha256,
        object_key=f"documents/{document_id}/{document_id}-{sha256}",
    )
    task = (await library.records.begin(new, library.target)).task
    return await library.take_up(document_id, task, f"{document_id}-{sha256}", LAYOUT)


def batch(document: Document, number: int, texts: list[str]) -> EmbedBatch:
    chunks = [Chunk(number * 3 + at, text, 1 + number, [[1 + number, 0]]) for at, text in enumerate(texts)]
    return EmbedBatch(
        document.document_id,
        document.generation,
        number,
        document.collection or "",
        document.revision,
        document.file_name,
        chunks,
    )
