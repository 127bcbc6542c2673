"""Errors as OpenAI's protocol gives them: {"error": {"message", "type", "param", "code"}}."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from rag_workloads.web.problems import Problem, invalid

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
CODES = {"prompt-refused": "context_length_exceeded", "unauthorized": "invalid_api_key"}
# OpenAI answers 400 instead.
UNPROCESSABLE = 422

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Error(BaseModel):
    """What went wrong; `code` is the last part of a problem's type, or OpenAI's own word."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """An error."""

    error: Error


def error_of(problem: Problem) -> ErrorBody:
    """A problem in OpenAI's shape; `param` is where the first mistake of a request is."""
    otherwise = "server_error" if problem.status >= 500 else "invalid_request_error"
    (_, *where), *_ = [each["location"] for each in problem.extra.get("errors", [])] or [[""]]
    error = Error(
        message=problem.detail,
        type=TYPES.get(problem.status, otherwise),
        param=".".join(where) or None,
        code=CODES.get(problem.type, problem.type.replace("-", "_")),
    )
    return ErrorBody(error=error)


def _response(problem: Problem) -> JSONResponse:
    status = 400 if problem.status == UNPROCESSABLE else problem.status
    return JSONResponse(error_of(problem).model_dump(), status, problem.headers)


class OpenAiRoute(APIRoute):
    """A route whose errors have OpenAI's shape."""

    def get_route_handler(self) -> Handler:
        """The route's handler, wrapped."""
        handle = super().get_route_handler()

        async def translated(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                return _response(problem)
            except RequestValidationError as error:
                return _response(invalid(error))
            except HTTPException as error:
                title = HTTPStatus(error.status_code).phrase
                slug = title.lower().replace(" ", "-")
                return _response(Problem(error.status_code, slug, title, error.detail, headers=error.headers))

        return translated
