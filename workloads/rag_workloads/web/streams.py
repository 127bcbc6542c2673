"""Server-sent events, which a stop of the server lets end."""

from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from sse_starlette.sse import AppStatus

# It would cut every stream within half a second of SIGTERM. The server waits for them, and ours all end.
AppStatus.enable_automatic_graceful_drain = False

# A reader that takes nothing for so long is gone.
SEND_SECONDS = 10


def event(data: dict[str, Any], name: str | None = None) -> ServerSentEvent:
    """An event with JSON in it."""
    return JSONServerSentEvent(data, event=name)


def stream(events: AsyncIterator[ServerSentEvent]) -> EventSourceResponse:
    """The HTTP answer."""
    return EventSourceResponse(events, send_timeout=SEND_SECONDS)
