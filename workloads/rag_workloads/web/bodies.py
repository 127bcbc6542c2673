"""Limits on what clients send: a body is read before anything looks at it, the API key included.

FastAPI's `max_body_size` would answer a body of a stated length in plain text, past problems and request ids.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Pace:
    """How slowly a body may come in: whoever sends it holds a place meanwhile.

    `idle_seconds` may go by between two pieces of it, and as many at its beginning before
    `bytes_per_second` count. Only the time that is spent waiting for the client counts.
    """

    idle_seconds: float = 30
    bytes_per_second: float = 8192

    def patience(self, received: int, waited: float) -> float:
        """Seconds to wait for the next piece, after so many bytes and so many seconds of waiting."""
        in_all = self.idle_seconds + received / self.bytes_per_second
        return min(self.idle_seconds, in_all - waited)


class BodyLimitMiddleware:
    """Ends the reading of a body that is too long, or comes too slowly, by an HTTPException. Pure ASGI."""

    def __init__(self, app: ASGIApp, limit: int, by_path: Mapping[str, int], pace: Pace) -> None:
        """`limit` in bytes; `by_path` holds other limits, of single paths."""
        self.app = app
        self._limit, self._by_path, self._pace = limit, by_path, pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count its body as it is read, whatever length it states."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._by_path.get(scope["path"], self._limit)
        stated = Headers(scope=scope).get("content-length", "")
        body = _Body(receive, int(stated) if stated.isdecimal() else 0, limit, self._pace)
        await self.app(scope, body.receive, send)


class _Body:
    """What was received of a request's body, and for how long it was waited for."""

    def __init__(self, receive: Receive, stated: int, limit: int, pace: Pace) -> None:
        self._receive, self._stated, self._limit, self._pace = receive, stated, limit, pace
        self._received, self._waited = 0, 0.0
        self._ended = False

    async def receive(self) -> Message:
        """The next message; HTTPException 413 or 408."""
        if self._stated > self._limit:
            raise too_large(self._limit)
        if self._ended:  # what is waited for now is that the client leaves
            return await self._receive()
        message = await self._in_time()
        self._received += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._received > self._limit:
            raise too_large(self._limit)
        return message

    async def _in_time(self) -> Message:
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            async with asyncio.timeout(self._pace.patience(self._received, self._waited)):
                message = await self._receive()
        except TimeoutError:
            raise too_slow(self._pace) from None
        self._waited += loop.time() - start
        return message


def too_large(limit: int) -> HTTPException:
    """The body has more than `limit` bytes."""
    return HTTPException(413, f"The limit is {limit} bytes.")


def too_slow(pace: Pace) -> HTTPException:
    """The body stands still, or comes more slowly than its pace; the connection with it is closed."""
    detail = (
        f"The body came with a pause of {pace.idle_seconds:g} seconds, "
        f"or slower than {pace.bytes_per_second:g} bytes a second."
    )
    return HTTPException(408, detail, headers={"Connection": "close"})
