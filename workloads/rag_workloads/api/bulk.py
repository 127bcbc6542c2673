"""Routes that do the same to all documents that a filter finds, a page at a time."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query

from rag_workloads.api.listing import BulkResult, FilterOf, PlaceOf, encode_cursor
from rag_workloads.api.parts import Parts
from rag_workloads.api.retrieval import vector_store_errors
from rag_workloads.api.serving import PartsOf
from rag_workloads.library.documents import Document
from rag_workloads.library.record_reader import Filter, Place
from rag_workloads.web.problems import Problem, responses

router = APIRouter(prefix="/api/v1/documents", tags=["documents"])

# Each may take some round trips to Qdrant, and an answer should not take long.
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("/retry")
async def retry_documents(
    parts: PartsOf, wanted: FilterOf, after: PlaceOf = None, limit: Limit = 100
) -> BulkResult:
    """Try again those that failed or were cancelled, of the documents that the filter finds."""

    async def retry(document: Document) -> bool:
        if not document.retriable:
            return False
        found = await parts.library.retry(document.document_id)
        return found is not None and found.unfinished

    return await _do(parts, wanted, after, limit, retry)


@router.delete("", responses=responses(409))
async def delete_documents(
    parts: PartsOf, wanted: FilterOf, after: PlaceOf = None, limit: Limit = 100
) -> BulkResult:
    """Remove the documents that the filter finds; there must be one."""
    if wanted == Filter():
        detail = "Name a filter, such as state or tag: without one, all documents would be removed."
        raise Problem(409, "filter-missing", "The filter is missing", detail)

    async def delete(document: Document) -> bool:
        # Others were removed since it was listed, and it may have been tried again or replaced.
        found = await parts.library.records.get(document.document_id)
        return found is not None and wanted.finds(found) and await parts.library.delete(found.document_id)

    return await _do(parts, wanted, after, limit, delete)


async def _do(
    parts: Parts,
    wanted: Filter,
    after: Place | None,
    limit: int,
    verb: Callable[[Document], Awaitable[bool]],
) -> BulkResult:
    page = await parts.library.records.page(wanted, limit, after)
    with vector_store_errors():
        done = sum([await verb(document) for document in page.documents])
    return BulkResult(done=done, next_cursor=encode_cursor(page.last) if page.last else None)
