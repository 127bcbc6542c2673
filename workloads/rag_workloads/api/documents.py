"""Routes about documents that are in."""

from typing import Annotated

from fastapi import APIRouter, Query

from rag_workloads.api.descriptions import Change
from rag_workloads.api.ids import DocumentId
from rag_workloads.api.listing import FilterOf, PlaceOf, encode_cursor
from rag_workloads.api.parts import Parts
from rag_workloads.api.retrieval import vector_store_errors
from rag_workloads.api.serving import PartsOf
from rag_workloads.api.views import ChunkList, ChunkView, DocumentList, DocumentView
from rag_workloads.library.documents import Document, State
from rag_workloads.web.problems import Problem, responses

router = APIRouter(prefix="/api/v1/documents", tags=["documents"])

Limit = Annotated[int, Query(ge=1, le=1000)]
# What Redis takes as a place in an index has an end too.
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]


@router.get("")
async def list_documents(
    parts: PartsOf, wanted: FilterOf, after: PlaceOf = None, limit: Limit = 50
) -> DocumentList:
    """Documents, newest first. A page may have fewer than `limit`, and more may follow all the same."""
    records, collection = parts.library.records, parts.library.target.collection
    page = await records.page(wanted, limit, after)
    return DocumentList(
        documents=[DocumentView.of(document, collection) for document in page.documents],
        next_cursor=encode_cursor(page.last) if page.last else None,
        total=await records.total(wanted),
        counts={**await records.counts()},
    )


@router.get("/{document_id}", responses=responses(404))
async def get_document(document_id: DocumentId, parts: PartsOf) -> DocumentView:
    """One document."""
    return DocumentView.of(await _document(parts, document_id), parts.library.target.collection)


@router.patch("/{document_id}", responses=responses(400, 404, 408, 413, 415))
async def describe_document(document_id: DocumentId, change: Change, parts: PartsOf) -> DocumentView:
    """Change name, tags or metadata, as a JSON merge patch (RFC 7396); nothing is embedded again."""
    try:
        document = await parts.library.describe(document_id, change.apply)
    except ValueError as error:
        raise Problem(422, "invalid-description", "The description is not allowed", f"{error}.") from error
    if document is None:
        raise not_found(document_id)
    return DocumentView.of(document, parts.library.target.collection)


@router.delete("/{document_id}", status_code=204, responses=responses(404))
async def delete_document(document_id: DocumentId, parts: PartsOf) -> None:
    """Remove a document. A deletion that breaks off goes on by itself, and can be sent again."""
    with vector_store_errors():
        if not await parts.library.delete(document_id):
            raise not_found(document_id)


@router.post("/{document_id}/cancel", responses=responses(404, 409))
async def cancel_document(document_id: DocumentId, parts: PartsOf) -> DocumentView:
    """Stop what is being done to a document; what searches see of it stays. May be sent again."""
    document = await parts.library.cancel(document_id)
    if document is None:
        raise not_found(document_id)
    if document.state is not State.CANCELLED:
        detail = f"The document is {document.state}: there is nothing to cancel."
        raise Problem(409, "document-finished", "The document has ended", detail, state=document.state)
    return DocumentView.of(document, parts.library.target.collection)


@router.post("/{document_id}/retry", status_code=202, responses=responses(404, 409))
async def retry_document(document_id: DocumentId, parts: PartsOf) -> DocumentView:
    """Try a document again that failed or was cancelled, from its stored file. May be sent again."""
    document = await parts.library.retry(document_id)
    if document is None:
        raise not_found(document_id)
    if not document.unfinished:
        detail = f"The document is {document.state}: only what failed or was cancelled is tried again."
        raise Problem(409, "document-not-failed", "The document has not failed", detail, state=document.state)
    return DocumentView.of(document, parts.library.target.collection)


@router.get("/{document_id}/chunks", responses=responses(404))
async def list_chunks(
    document_id: DocumentId, parts: PartsOf, limit: Limit = 50, offset: Offset = 0
) -> ChunkList:
    """The chunks of a document that searches see."""
    document = await _document(parts, document_id)
    if document.active_generation is None:
        return ChunkList(chunks=[], total=0)
    with vector_store_errors():
        chunks, total = await parts.library.vectors.chunks(
            document_id, document.active_generation, offset, limit
        )
    views = [
        ChunkView(chunk_id=c.chunk_id, chunk_index=c.chunk_index, page=c.page, text=c.text) for c in chunks
    ]
    return ChunkList(chunks=views, total=total)


async def _document(parts: Parts, document_id: str) -> Document:
    document = await parts.library.records.get(document_id)
    if document is None:
        raise not_found(document_id)
    return document


def not_found(document_id: str) -> Problem:
    """There is no such document."""
    return Problem(404, "document-not-found", "No such document", f"There is no document {document_id!r}.")
