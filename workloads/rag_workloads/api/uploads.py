"""Routes that take a document in and tell how far it is."""

import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from rag_workloads.api.ids import DOCUMENT_ID, TaskId, check_document_id
from rag_workloads.api.parts import Parts, PartsOf
from rag_workloads.api.upload import FORM_BYTES, Upload, too_large
from rag_workloads.api.views import TaskStatus, UploadAccepted
from rag_workloads.jobs import payloads
from rag_workloads.library.documents import NewDocument, State
from rag_workloads.library.files import document_key, incoming_key
from rag_workloads.web.disconnects import ClientLeft
from rag_workloads.web.problems import Problem, responses

router = APIRouter(prefix="/api/v1/documents/upload", tags=["documents"])

# The form is read as a stream, so FastAPI cannot tell what is in it.
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "minLength": 1},
        "document_id": {"type": "string", "pattern": f"^({DOCUMENT_ID})?$"},
    },
}


async def admitted(parts: PartsOf) -> AsyncIterator[None]:
    """A dependency: a place for an upload, from before its body is read until it is answered."""
    async with parts.admission.upload():
        yield


@router.post(
    "",
    status_code=202,
    dependencies=[Depends(admitted)],
    response_model=UploadAccepted,
    responses={200: {"model": UploadAccepted, "description": "These bytes are known"}, **responses(408, 413)},
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}},
)
async def upload(
    request: Request,
    response: Response,
    parts: PartsOf,
    content_type: Annotated[str, Header(include_in_schema=False)] = "",
    content_length: Annotated[int, Header(include_in_schema=False)] = 0,
) -> UploadAccepted:
    """Take a file (multipart `file`, optional `document_id`): 202 and a task; 200 if the bytes are known."""
    limit = parts.settings.upload_limit_bytes
    if content_length > limit + FORM_BYTES:
        raise too_large(limit)
    new = await _store(parts, Upload(content_type, limit), request.stream())
    begun = await parts.library.begin(new)
    if not begun.new:
        response.status_code = 200
    return UploadAccepted(
        document_id=new.document_id,
        status=State.PROCESSING if begun.new else begun.state,
        task_id=payloads.task_id(new.document_id, begun.task),
        message="The document is being processed."
        if begun.new
        else "These bytes are known; nothing changed.",
    )


@router.get(
    "/status/{task_id}",
    response_model=TaskStatus,
    response_model_exclude_none=True,
    responses=responses(404),
)
async def status(task_id: TaskId, parts: PartsOf) -> TaskStatus:
    """How far a task is; one whose place newer bytes took has failed as SUPERSEDED."""
    document_id, task = payloads.parse_task_id(task_id)
    document = await parts.library.records.get(document_id)
    if document and document.task == task:
        return TaskStatus.of(document)
    if document and task < document.task:
        return TaskStatus.superseded(document_id, task)
    raise Problem(404, "task-not-found", "No such task", f"There is no task {task_id!r}.")


async def _store(parts: Parts, upload: Upload, body: AsyncIterator[bytes]) -> NewDocument:
    """Write the file under the id that its form or its content gives it."""
    upload_id = uuid.uuid4().hex
    incoming = incoming_key(upload_id)
    failures: list[Exception] = []
    try:
        await parts.files.put(incoming, _noting(failures, upload.chunks(body)))
        document_id = _document_id(upload)
        key = document_key(document_id, upload_id)
        await parts.files.rename(incoming, key)
    except Exception:
        await parts.files.delete(incoming)
        if failures:
            raise failures[0] from None
        raise
    return NewDocument(
        document_id=document_id,
        file_name=upload.file_name or "",
        content_type=upload.content_type,
        size_bytes=upload.size,
        sha256=upload.sha256,
        object_key=key,
    )


async def _noting(failures: list[Exception], chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Keep the error that ends the stream: the object store raises one of its own in its place."""
    try:
        async for chunk in chunks:
            yield chunk
    except (Problem, HTTPException) as error:
        failures.append(error)
        raise
    except ClientDisconnect:
        failures.append(ClientLeft())
        raise


def _document_id(upload: Upload) -> str:
    """The id that the client gave, or one that follows from the content."""
    if not upload.document_id:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:sha256:{upload.sha256}"))
    return check_document_id(upload.document_id)
