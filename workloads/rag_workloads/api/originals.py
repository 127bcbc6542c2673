"""The route that gives back a document's file as it was uploaded."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from rag_workloads.api.documents import not_found
from rag_workloads.api.file_names import attachment
from rag_workloads.api.ids import DocumentId
from rag_workloads.api.parts import Parts
from rag_workloads.api.serving import PartsOf
from rag_workloads.library.documents import Document
from rag_workloads.library.files import FilesAway
from rag_workloads.web.problems import Problem, Unavailable, responses
from rag_workloads.web.ranges import asked_for, names

router = APIRouter(prefix="/api/v1/documents", tags=["documents"])

# Whatever was uploaded, as a page that runs scripts, stays a file and is never a part of this site.
SAFE = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}
BYTES: dict[str, Any] = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole file", **BYTES},
    206: {"description": "The range that was asked for", **BYTES},
    304: {"description": "The file is the one that the client has"},
    **responses(404, 416),
}


class Conditions(BaseModel):
    """What a request says of the part that it wants, and of what it has already."""

    range: str = ""
    if_range: str = ""
    if_none_match: str = ""


@router.head("/{document_id}/file", response_class=Response, responses=ANSWERS)
@router.get("/{document_id}/file", response_class=Response, responses=ANSWERS)
async def get_file(
    request: Request, document_id: DocumentId, parts: PartsOf, given: Annotated[Conditions, Header()]
) -> Response:
    """The file that was uploaded last, or a range of its bytes; its ETag is the SHA-256 of the whole."""
    document = await parts.library.records.get(document_id)
    if document is None:
        raise not_found(document_id)
    etag, size = f'"{document.sha256}"', document.size_bytes
    headers = {**SAFE, "ETag": etag, "Content-Disposition": attachment(document.file_name)}
    if names(given.if_none_match, etag):
        return Response(status_code=304, headers=headers)
    # Not as a media type, to which a text's charset would be added that nobody knows.
    headers["Content-Type"] = document.content_type
    if request.method == "HEAD":
        await _check_file(parts, document)
        return Response(headers={**headers, "Content-Length": str(size)})
    part = asked_for(given.range, size) if given.if_range in ("", etag) else None
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    try:
        content = await parts.files.read(document.object_key, start, end)
    except FileNotFoundError:
        raise await _missing(parts, document) from None
    return StreamingResponse(content, 206 if part else 200, headers)


async def _check_file(parts: Parts, document: Document) -> None:
    if not await parts.files.exists(document.object_key):
        raise await _missing(parts, document)


async def _missing(parts: Parts, document: Document) -> Problem:
    """Why there is no file: of a volume that is away, each is just missing."""
    try:
        await parts.files.ready()
    except FilesAway as error:
        return Unavailable("files", str(error))
    detail = f"The file of {document.document_id!r} is gone from the storage; upload it again."
    return Problem(404, "file-missing", "The file is gone", detail)
