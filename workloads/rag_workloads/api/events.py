"""Routes that tell of documents as they change, from any replica: a client goes on at another one by ids."""

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Literal, Self

import structlog
from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, WithJsonSchema
from sse_starlette import EventSourceResponse, ServerSentEvent

from rag_workloads.api.documents import not_found
from rag_workloads.api.ids import DocumentId
from rag_workloads.api.parts import Parts
from rag_workloads.api.serving import PartsOf
from rag_workloads.api.views import TaskError
from rag_workloads.jobs.redis_errors import AWAY
from rag_workloads.library.documents import Document, Stage, Standing, State
from rag_workloads.library.events import ID, Event, EventId
from rag_workloads.library.listeners import Listener, TooManyListeners
from rag_workloads.web.problems import Problem, TryLater, responses
from rag_workloads.web.streams import event, place, stream

Read = Callable[[], Awaitable[Document | None]]

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/api/v1", tags=["events"])


class DocumentEvent(BaseModel):
    """How far a document is: as the status of its task, with what is counted."""

    task_id: str
    document_id: str
    status: State | Literal["deleted"]
    progress: int
    stage: Stage | None
    pages: int | None
    pages_done: int
    chunks: int | None
    chunks_done: int
    error: TaskError | None

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """What clients see of it."""
        return cls(
            **standing.model_dump(include=cls.model_fields.keys() & Standing.model_fields.keys()),
            task_id=standing.task_id,
            status=standing.state,
            progress=standing.progress,
            error=TaskError.of(standing),
        )


class Reset(BaseModel):
    """Events cannot be told any more."""

    message: str = "Events were lost: list the documents again."


EVENT_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": ["message", "reset"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
EVENTS = {"description": "Events", "content": {"text/event-stream": {"schema": EVENT_SCHEMA}}}


GivenId = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^({ID.pattern})?$"})]


def _since(
    header: Annotated[GivenId, Header(alias="Last-Event-ID")] = "",
    last_event_id: Annotated[GivenId, Query()] = "",
) -> EventId | None:
    """The last event that the client knows. Browsers send the header by themselves, but not at first."""
    given = header or last_event_id
    try:
        return EventId.parse(given) if given else None
    except ValueError as error:
        detail = f"The id {given!r} is none that a stream gave: {error}."
        raise Problem(422, "invalid-event-id", "The event id is not allowed", detail) from error


async def _listener_to_all(parts: PartsOf) -> AsyncIterator[Listener]:
    async with _listening(parts) as listener:
        yield listener


async def _listener_to_one(document_id: DocumentId, parts: PartsOf) -> AsyncIterator[Listener]:
    async with _listening(parts, document_id) as listener:
        yield listener


@contextlib.asynccontextmanager
async def _listening(parts: Parts, document_id: str | None = None) -> AsyncIterator[Listener]:
    try:
        async with parts.listeners.listen(document_id) as listener:
            yield listener
    except TooManyListeners as error:
        raise TryLater("event-streams-busy", "Too many event streams at once", str(error)) from error


Since = Annotated[EventId | None, Depends(_since)]


@router.get("/events", response_class=EventSourceResponse, responses={200: EVENTS})
async def all_events(
    since: Since, listener: Annotated[Listener, Depends(_listener_to_all)], parts: PartsOf
) -> Response:
    """Every change of every document, from now on or after Last-Event-ID.

    An event `reset` says that some were lost, and that the documents are to be listed again.
    """
    if since is None:
        since = await parts.listeners.stream.last()
    return stream(_unless_away(_of_all(listener, since)))


@router.get(
    "/documents/{document_id}/events",
    response_class=EventSourceResponse,
    responses={200: EVENTS, 204: {"description": "It has ended, and the client knows"}, **responses(404)},
)
async def document_events(
    document_id: DocumentId,
    since: Since,
    listener: Annotated[Listener, Depends(_listener_to_one)],
    parts: PartsOf,
) -> Response:
    """How a document is, and every change until it has ended; or every change after Last-Event-ID.

    Where some were lost, how it is then is told in their place.
    """
    read = functools.partial(parts.library.records.get, document_id)
    if since is None:
        # Read before the record, so that nothing falls between the two.
        since = await parts.listeners.stream.last()
        document = await read()
        if document is None:
            raise not_found(document_id)
        return stream(_unless_away(_of_one(listener, since, read, document)))
    document = await read()
    if document is None or document.ended:
        missed = await listener.missed(since)
        if document is None and not isinstance(missed, Event):
            raise not_found(document_id)
        if missed is None:
            return Response(status_code=204)
    return stream(_unless_away(_of_one(listener, since, read)))


async def _of_all(listener: Listener, since: EventId) -> AsyncIterator[ServerSentEvent]:
    yield place(str(since))
    async for told in listener.follow(since):
        if isinstance(told, Event):
            yield _event(told.id, told.standing)
        else:
            yield event(Reset().model_dump(), "reset", str(told.id))


async def _of_one(
    listener: Listener, since: EventId, read: Read, document: Document | None = None
) -> AsyncIterator[ServerSentEvent]:
    """The events of one document until it ends, after `document` if given; `read` reads it anew."""
    if document:
        yield _event(since, document)
        if document.ended:
            return
    async for told in listener.follow(since):
        known = told.standing if isinstance(told, Event) else await read()
        if known is None:  # lost with the events: whoever comes back is told that there is none
            return
        yield _event(told.id, known)
        if known.ended:
            return


def _event(id: EventId, standing: Standing) -> ServerSentEvent:
    return event(DocumentEvent.of(standing).model_dump(mode="json"), id=str(id))


async def _unless_away(events: AsyncIterator[ServerSentEvent]) -> AsyncIterator[ServerSentEvent]:
    """Ends a stream that Redis lets down: its client comes back for the rest."""
    try:
        async for told in events:
            yield told
    except (*AWAY, OSError) as error:
        log.warning("a stream of events was ended", reason=str(error) or type(error).__name__)
