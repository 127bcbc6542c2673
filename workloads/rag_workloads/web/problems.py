"""Errors as RFC 9457 problem details (application/problem+json)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Self

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "5"
URN = "urn:ragpipeline:problem:"
# Python's releases differ in the names of some statuses; the types of our problems are stable.
SLUGS = {413: "payload-too-large"}


class ProblemBody(BaseModel):
    """What an error says; some have more members, such as `errors` or `part`."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str
    title: str
    status: int
    detail: str


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route documents of its errors."""
    content = {MEDIA_TYPE: {"schema": ProblemBody.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


class Problem(Exception):
    """An error to answer with. `type` is a slug such as "not-found"; `extra` are members of the body."""

    def __init__(
        self,
        status: int,
        type: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.type, self.title, self.detail = status, type, title, detail
        self.headers, self.extra = headers, extra

    @classmethod
    def of(cls, body: dict[str, Any]) -> Self:
        """The problem that another of our services answered."""
        more = {name: value for name, value in body.items() if name not in ProblemBody.model_fields}
        return cls(body["status"], body["type"].removeprefix(URN), body["title"], body["detail"], **more)

    def body(self) -> dict[str, Any]:
        """The members of the problem."""
        return {
            "type": f"{URN}{self.type}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }

    def response(self) -> JSONResponse:
        """The HTTP answer."""
        return JSONResponse(self.body(), self.status, self.headers, media_type=MEDIA_TYPE)


class TryLater(Problem):
    """503: the same request may succeed soon, after the time that the answer names."""

    def __init__(self, type: str, title: str, detail: str, **extra: Any) -> None:
        super().__init__(503, type, title, detail, headers={"Retry-After": RETRY_AFTER_SECONDS}, **extra)


class Unavailable(TryLater):
    """A part that the request needs does not answer now."""

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(f"{part}-unavailable", f"The {part} is unavailable", detail, part=part)


def internal() -> Problem:
    """An error that nobody foresaw."""
    return Problem(500, "internal", "Internal error", "The error was logged with the request's id.")


def not_json() -> Problem:
    """A body that was not read, because nothing said that it is JSON."""
    detail = "Send Content-Type: application/json."
    return Problem(415, "unsupported-media-type", "Unsupported media type", detail)


def _not_declared_json(error: dict[str, Any]) -> bool:
    """FastAPI checks such a body as the bytes that came."""
    return error["loc"] == ("body",) and isinstance(error["input"], bytes)


def invalid(error: RequestValidationError) -> Problem:
    """A request that is not what is described of it."""
    if any(_not_declared_json(e) for e in error.errors()):
        return not_json()
    errors = [_described(e) for e in error.errors()]
    detail = "; ".join(f"{'.'.join(e['location'])}: {e['message']}" for e in errors)
    return Problem(422, "validation", "Invalid request", detail, errors=errors)


def said(error: Mapping[str, Any]) -> str:
    """What one of pydantic's errors says; of a ValueError of ours, that alone."""
    return str(error["ctx"]["error"] if error["type"] == "value_error" else error["msg"])


def _described(error: dict[str, Any]) -> dict[str, Any]:
    if error["type"] == "json_invalid":
        part, at = error["loc"]
        message = f"This is no JSON: {error['ctx']['error']} at character {at}."
        return {"location": [part], "message": message}
    return {"location": [*map(str, error["loc"])], "message": said(error)}


def _allowed(app: FastAPI, scope: Scope) -> dict[str, str]:
    """The methods of a route's path, where OpenAPI has it: Starlette names those of its first route alone."""
    methods = app.openapi()["paths"].get(getattr(scope.get("route"), "path", None), {})
    return {"Allow": ", ".join(sorted(map(str.upper, methods)))} if methods else {}


def _sentence(request: Request, allowed: str | None) -> str:
    """Of a path or method that there is not; the framework says no more than the name of the status."""
    if allowed:
        return f"{request.url.path} does not take {request.method}, but {allowed}."
    return f"There is nothing at {request.url.path}."


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem, ours and the framework's."""

    @app.exception_handler(Problem)
    async def ours(_: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers |= _allowed(app, request.scope)
        title = HTTPStatus(error.status_code).phrase
        slug = SLUGS.get(error.status_code) or title.lower().replace(" ", "-")
        detail = _sentence(request, headers.get("Allow")) if error.detail == title else error.detail
        return Problem(error.status_code, slug, title, detail, headers=headers).response()

    @app.exception_handler(RequestValidationError)
    async def validation(_: Request, error: RequestValidationError) -> JSONResponse:
        return invalid(error).response()
