"""The API key, as Qdrant asks for it: in `api-key` or as a bearer token, on all but the probes."""

import hmac

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATHS = {"/", "/healthz", "/livez", "/readyz"}


class ApiKeyMiddleware:
    """Lets only requests with the key through; pure ASGI."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            refusal = self._refusal(Headers(scope=scope))
            if refusal:
                await PlainTextResponse(refusal, 401)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, headers: Headers) -> str | None:
        given = headers.get("api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if not given:
            return "Must provide an API key or an Authorization bearer token"
        return None if hmac.compare_digest(given.encode(), self._key) else "Invalid API key or JWT"
