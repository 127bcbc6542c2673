"""Documents and batches as a worker leaves them to the embedding service."""

from tests import records

from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.library.documents import Document, Layout
from rag_workloads.library.lifecycle import Library

LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=3)


async def begin(library: Library, document_id: str, sha256: str = "00") -> Document:
    """Begin a generation, and take it up as a worker does."""
    key = f"documents/{document_id}/{document_id}-{sha256}"
    new = records.new_document(document_id=document_id, sha256=sha256, object_key=key)
    task = (await library.records.begin(new, library.target)).task
    return await library.take_up(document_id, task, f"{document_id}-{sha256}", LAYOUT)


def batch(document: Document, number: int, texts: list[str]) -> EmbedBatch:
    """A batch of these texts, each batch on a page of its own."""
    chunks = [Chunk(number * 3 + at, text, 1 + number, [[1 + number, 0]]) for at, text in enumerate(texts)]
    return records.batch(document, number, chunks)
