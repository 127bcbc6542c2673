"""Errors as text-embeddings-inference gives them: {"error", "error_type"}.

Its releases differ in the status of `Validation`: 422 here, 413 in some.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from rag_workloads.embedding.engine import EngineAway, Overloaded, Refused
from rag_workloads.web import metrics
from rag_workloads.web.problems import Problem

STATUS = {
    "Validation": 422,
    "Tokenizer": 422,
    "Empty": 400,
    "Overloaded": 429,
    "Backend": 424,
    "Unhealthy": 503,
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

log = structlog.get_logger(__name__)


class TeiError(Exception):
    """An error of one of the types in `STATUS`."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.type, self.message = type, message

    def response(self) -> JSONResponse:
        """The HTTP answer."""
        return JSONResponse({"error": self.message, "error_type": self.type}, STATUS[self.type])

    def openai_response(self) -> JSONResponse:
        """The HTTP answer on routes that are OpenAI's."""
        status = STATUS[self.type]
        return JSONResponse({"message": self.message, "code": status, "type": self.type}, status)


class TeiRoute(APIRoute):
    """A route that turns every error into TEI's shape, but for those that are HTTP answers already."""

    answer = staticmethod(TeiError.response)

    def get_route_handler(self) -> Handler:
        """The route's handler, wrapped."""
        handle = super().get_route_handler()

        async def translated(request: Request) -> Response:
            try:
                return await handle(request)
            except (HTTPException, Problem):
                raise
            except Exception as error:
                return self.answer(_translated(error))

        return translated


class EmbeddingRoute(TeiRoute):
    """A TeiRoute that counts its requests as embedding requests."""

    def get_route_handler(self) -> Handler:
        """The route's handler, wrapped."""
        handle = super().get_route_handler()

        async def counted(request: Request) -> Response:
            response = await handle(request)
            status = "success" if response.status_code < 400 else "error"
            metrics.EMBEDDING_REQUESTS.labels(status).inc()
            return response

        return counted


class OpenAiRoute(EmbeddingRoute):
    """An EmbeddingRoute whose errors have the shape that TEI gives them on OpenAI's routes."""

    answer = staticmethod(TeiError.openai_response)


def _translated(error: Exception) -> TeiError:
    match error:
        case TeiError():
            return error
        case RequestValidationError():
            details = [f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()]
            return TeiError("Validation", "; ".join(details))
        case Refused():
            return TeiError("Validation", str(error))
        case Overloaded():
            return TeiError("Overloaded", "Model is overloaded")
        case EngineAway():
            return TeiError("Unhealthy", str(error))
        case _:
            log.error("embedding failed", exc_info=error)
            return TeiError("Backend", str(error) or type(error).__name__)
