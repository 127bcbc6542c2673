"""One call of the API: what a handler gets, and how its result or error becomes Qdrant's answer."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rag_standins.embedded_qdrant.collection import Collection
from rag_standins.embedded_qdrant.errors import QdrantError
from rag_standins.embedded_qdrant.store import Store

Json = dict[str, Any]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Call:
    """A request, with its JSON body read ({} where it has none)."""

    store: Store
    path: dict[str, str]
    body: Json

    @property
    def collection(self) -> Collection:
        """The collection that the path names, or a 404."""
        return self.store.get(self.path["name"])


Handler = Callable[[Call], Awaitable[Any]]


def route(method: str, path: str, handler: Handler) -> Route:
    """A route whose handler returns the `result` of the answer."""

    async def endpoint(request: Request) -> Response:
        start = time.perf_counter()
        try:
            body = await request.body()
            call = Call(request.app.state.store, request.path_params, orjson.loads(body) if body else {})
            status, answer = 200, {"result": await handler(call), "status": "ok"}
        except QdrantError as error:
            status, answer = error.status, {"status": {"error": str(error)}}
        except (KeyError, TypeError, ValueError) as error:
            # What the parsers and the engine's constructors raise on a body of another shape.
            message = f"Format error in JSON body: {type(error).__name__}: {error}"
            status, answer = 400, {"status": {"error": message}}
        except Exception as error:
            log.error("unhandled error", path=request.url.path, exc_info=error)
            status, answer = 500, {"status": {"error": "Service internal error: see the server's log"}}
        answer["time"] = time.perf_counter() - start
        return Response(orjson.dumps(answer), status, media_type="application/json")

    return Route(path, endpoint, methods=[method])
