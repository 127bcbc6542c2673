"""Server-sent events: ours, which a stop of the server lets end, and those of servers that we ask."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

import httpx
import structlog
from httpx_sse import EventSource
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from sse_starlette.sse import AppStatus, SendTimeoutError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from rag_workloads.web.disconnects import until_disconnect

T = TypeVar("T")

# It would cut every stream within half a second of SIGTERM. The server waits for them, and ours all end.
AppStatus.enable_automatic_graceful_drain = False

# A reader that takes nothing for so long is gone.
SEND_SECONDS = 10
# Between two comments that keep a quiet stream open: less than proxies wait for one.
HEARTBEAT_SECONDS = 15
# The data of the last event, by which an answer that was cut off is told from one that has ended.
DONE = "[DONE]"
# In which a server ends its answer after that event, if it does.
END_SECONDS = 1

log = structlog.get_logger(__name__)


def event(data: dict[str, Any], name: str | None = None, id: str | None = None) -> ServerSentEvent:
    """An event with JSON in it."""
    return JSONServerSentEvent(data, event=name, id=id)


def place(id: str) -> ServerSentEvent:
    """No event, but the id after which a client that comes back goes on."""
    return ServerSentEvent(id=id)


def done() -> ServerSentEvent:
    """The last event of an answer."""
    return ServerSentEvent(DONE)


class EventAnswer(EventSourceResponse):
    """An answer whose reader may stop to read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events. The server closes the connection of one that was given up."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.info("a stream was ended, as nobody reads it")


def stream(events: AsyncIterator[ServerSentEvent]) -> EventAnswer:
    """The HTTP answer."""
    return EventAnswer(events, ping=HEARTBEAT_SECONDS, send_timeout=SEND_SECONDS)


async def begun(request: Request, pieces: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same pieces once there is a first: a failure before it is an HTTP status, and not an event."""
    first = await until_disconnect(request, _next(pieces))
    return with_first(first, pieces)


async def _next(pieces: AsyncGenerator[T]) -> T:
    return await anext(pieces)


async def with_first(first: T, pieces: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same pieces as before their first one was taken."""
    async with contextlib.aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece


async def messages(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The JSON of the events that a server answers, up to the last; httpx.RemoteProtocolError without it."""
    events = EventSource(response).aiter_sse()
    async for each in events:
        if each.data == DONE:
            break
        yield each.json()
    else:
        raise httpx.RemoteProtocolError(f"the stream ended before {DONE}")
    # An answer that is read to its end leaves its connection to the next one.
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            async for _ in events:
                pass
