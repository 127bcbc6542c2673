"""Who may do what: the API key, as a bearer token or in X-API-Key, and the scope that a route asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

import structlog
from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from rag_contract.api_keys import ApiKey, Scope
from rag_contract.environment.base import KeySettings
from rag_contract.index import pipeline_of
from rag_workloads.web.keyring import Keyring
from rag_workloads.web.metrics import API_KEY_REQUESTS
from rag_workloads.web.problems import Problem
from rag_workloads.web.rate_limits import RateLimits

# They only read what was sent; whether it is right, and what is answered if not, is said below.
BEARER = HTTPBearer(auto_error=False)
API_KEY = APIKeyHeader(name="X-API-Key", auto_error=False)

# In metrics, of requests without a key that is known; no key can have this name.
NO_KEY = ""

log = structlog.get_logger(__name__)


class Unauthorized(Problem):
    """401, with the scheme that would do."""

    def __init__(self) -> None:
        detail = "Send the API key as `Authorization: Bearer KEY` or as `X-API-Key: KEY`."
        headers = {"WWW-Authenticate": "Bearer"}
        super().__init__(401, "unauthorized", "Unauthorized", detail, headers=headers)


class Forbidden(Problem):
    """403: the key is known, and does not allow this."""

    def __init__(self, key: ApiKey, scope: str) -> None:
        detail = f"The key {key.name!r} lacks the scope '{scope}'."
        super().__init__(403, "forbidden", "Forbidden", detail, scope=scope)


@dataclass(frozen=True)
class Guard:
    """Who may come in, and how often: the `guard` in the state of an app whose routes `authorize`."""

    keyring: Keyring | None
    rate_limits: RateLimits

    @classmethod
    def open(cls, settings: KeySettings, environment: Mapping[str, str]) -> Self:
        """With the values of the keys from `environment`; connects to Redis when it counts a request."""
        redis_url, pipeline = settings.redis_url.get_secret_value(), pipeline_of(settings.pipeline)
        return cls(Keyring.of(settings, environment), RateLimits.open(redis_url, pipeline))

    async def close(self) -> None:
        """Close all connections."""
        await self.rate_limits.close()


async def authorize(
    request: Request,
    required: SecurityScopes,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
    api_key: Annotated[str | None, Security(API_KEY)],
) -> None:
    """A dependency that lets only requests through whose key has the required scopes; all without a keyring.

    Where no scope is required any key will do, and no rate limit counts.

    Unauthorized, Forbidden and RateLimited say no. From here on the key's name is in the request's log lines.
    """
    guard: Guard = request.app.state.guard
    request.state.api_key = NO_KEY
    if guard.keyring is None:
        return
    given = bearer.credentials if bearer else api_key or ""
    # As the bytes that came: Starlette reads headers as Latin-1.
    key = guard.keyring.find(given.encode("latin-1"))
    request.state.api_key = name = key.name if key else NO_KEY
    structlog.contextvars.bind_contextvars(api_key=name)
    try:
        if key is None:
            raise Unauthorized
        _check_scopes(key, required.scopes)
        if required.scopes:  # statistics cost little, and the operator asks for them with a user's key
            await guard.rate_limits.hit(key)
    except Problem as problem:
        log.info("request refused", reason=problem.type, path=request.url.path)
        API_KEY_REQUESTS.labels(name, problem.type).inc()
        raise
    API_KEY_REQUESTS.labels(name, "allowed").inc()


def caller(request: Request) -> str:
    """The name of the key that a request was let in with; NO_KEY without a keyring."""
    return str(request.state.api_key)


def _check_scopes(key: ApiKey, required: list[str]) -> None:
    missing = [scope for scope in required if scope not in key.scopes]
    if missing and Scope.ADMIN not in key.scopes:
        raise Forbidden(key, missing[0])
