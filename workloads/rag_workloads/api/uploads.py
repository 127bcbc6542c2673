"""Routes that take documents in and tell how far they are."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.requests import ClientDisconnect

from rag_workloads.api.batches import BatchAccepted
from rag_workloads.api.descriptions import MAX_TAG_CHARACTERS, MAX_TAGS
from rag_workloads.api.ids import DOCUMENT_ID, IdempotencyKey, TaskId
from rag_workloads.api.serving import PartsOf, ServingOf
from rag_workloads.api.taking_in import answer_one, answer_several, fingerprint, receive
from rag_workloads.api.upload import MAX_FILES, Form, body_limit
from rag_workloads.api.views import TaskStatus, UploadAccepted
from rag_workloads.jobs import payloads
from rag_workloads.library.intake import Intake
from rag_workloads.web.auth import caller
from rag_workloads.web.disconnects import ClientLeft
from rag_workloads.web.problems import Problem, responses

router = APIRouter(prefix="/api/v1/documents/upload", tags=["documents"])

# A tag, or none; blanks around and within it are made one.
TAG_IN_FORM = rf"([^\s,\x00-\x1f\x7f]| ){{0,{MAX_TAG_CHARACTERS}}}"
FILE = {"type": "string", "format": "binary", "minLength": 1}
# The form is read as a stream, so FastAPI cannot tell what is in it.
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "array", "items": FILE, "minItems": 1, "maxItems": MAX_FILES},
        "document_id": {"type": "string", "pattern": f"^({DOCUMENT_ID})?$"},
        "tags": {
            "type": "string",
            "pattern": f"^{TAG_IN_FORM}(,{TAG_IN_FORM}){{0,{MAX_TAGS - 1}}}$",
            "description": "Tags, separated by commas; the field may come several times.",
        },
        "metadata": {"type": "object"},
    },
}


async def admitted(
    parts: PartsOf, content_length: Annotated[str, Header(include_in_schema=False)] = ""
) -> AsyncIterator[None]:
    """A dependency: a place for an upload, from before its body is read until it is answered."""
    stated = int(content_length) if content_length.isdecimal() else 0
    async with parts.admission.upload(min(stated, body_limit(parts.settings.upload_limit_bytes))):
        yield


@router.post(
    "",
    status_code=202,
    dependencies=[Depends(admitted)],
    response_model=UploadAccepted | BatchAccepted,
    responses={
        200: {"model": UploadAccepted, "description": "These bytes are known"},
        **responses(408, 409, 413),
    },
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}},
)
async def upload(
    request: Request,
    parts: PartsOf,
    serving: ServingOf,
    content_type: Annotated[str, Header(include_in_schema=False)] = "",
    idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
) -> Response:
    """Take files (multipart `file`, with `tags`, `metadata`, `document_id`): 202, and where to ask for them.

    One file: its task, and 200 if its bytes are known. Several: what became of each; one that is refused
    keeps no other from being taken. Sent again with the same Idempotency-Key within 24 hours, the request
    gets the same answer.
    """
    form = Form(content_type, parts.settings.upload_limit_bytes)
    async with (
        parts.idempotency.once(caller(request), idempotency_key) as once,
        Intake(serving.library, parts.files) as intake,
    ):
        files = await receive(intake, form, _body(request))
        fields = form.fields()
        sent = fingerprint(files, fields)
        if earlier := once.answered(sent):
            return earlier.response(replayed=True)
        if len(files) == 1:
            answer = await answer_one(intake, files[0], fields)
        else:
            answer = await answer_several(intake, parts.batches, files, fields)
        once.done(sent, answer)
    return answer.response()


@router.get(
    "/status/{task_id}",
    response_model=TaskStatus,
    response_model_exclude_none=True,
    responses=responses(404),
)
async def status(task_id: TaskId, parts: PartsOf) -> TaskStatus:
    """How far a task is; one whose place newer bytes took has failed as SUPERSEDED."""
    document_id, task = payloads.parse_task_id(task_id)
    found = TaskStatus.find(await parts.library.records.get(document_id), task)
    if found is None:
        raise Problem(404, "task-not-found", "No such task", f"There is no task {task_id!r}.")
    return found


async def _body(request: Request) -> AsyncIterator[bytes]:
    """What is sent, as it comes in; ClientLeft."""
    try:
        async for data in request.stream():
            yield data
    except ClientDisconnect:
        raise ClientLeft from None
