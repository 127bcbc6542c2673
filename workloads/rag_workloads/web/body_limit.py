"""A limit on what clients send: a body is read before anything looks at it, the API key included.

FastAPI's `max_body_size` would answer a body of a stated length in plain text, past problems and request ids.
"""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimitMiddleware:
    """Ends the reading of a body that is too long by an HTTPException 413. Pure ASGI."""

    def __init__(self, app: ASGIApp, limit: int, by_path: Mapping[str, int]) -> None:
        """`limit` in bytes; `by_path` holds other limits, of single paths."""
        self.app = app
        self._limit, self._by_path = limit, by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count its body as it is read, whatever length it states."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._by_path.get(scope["path"], self._limit)
        stated = Headers(scope=scope).get("content-length", "")
        received = 0

        async def limited() -> Message:
            nonlocal received
            if stated.isdecimal() and int(stated) > limit:
                raise too_large(limit)
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise too_large(limit)
            return message

        await self.app(scope, limited, send)


def too_large(limit: int) -> HTTPException:
    """The body has more than `limit` bytes."""
    return HTTPException(413, f"The limit is {limit} bytes.")
