"""Server-sent events, which a stop of the server lets end."""

from collections.abc import AsyncIterator
from typing import Any

import structlog
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from sse_starlette.sse import AppStatus, SendTimeoutError
from starlette.types import Receive, Scope, Send

# It would cut every stream within half a second of SIGTERM. The server waits for them, and ours all end.
AppStatus.enable_automatic_graceful_drain = False

# A reader that takes nothing for so long is gone.
SEND_SECONDS = 10
# Between two comments that keep a quiet stream open: less than proxies wait for one.
HEARTBEAT_SECONDS = 15

log = structlog.get_logger(__name__)


def event(data: dict[str, Any], name: str | None = None, id: str | None = None) -> ServerSentEvent:
    """An event with JSON in it."""
    return JSONServerSentEvent(data, event=name, id=id)


def place(id: str) -> ServerSentEvent:
    """No event, but the id after which a client that comes back goes on."""
    return ServerSentEvent(id=id)


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
