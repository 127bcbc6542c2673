"""The API key, as a bearer token or in X-API-Key."""

import hmac
from typing import Annotated

from fastapi import Security
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from rag_workloads.web.problems import Problem

# They only read what was sent; whether it is right, and what is answered if not, is said below.
BEARER = HTTPBearer(auto_error=False)
API_KEY = APIKeyHeader(name="X-API-Key", auto_error=False)


class Unauthorized(Problem):
    """401, with the scheme that would do."""

    def __init__(self) -> None:
        detail = "Send the API key as `Authorization: Bearer KEY` or as `X-API-Key: KEY`."
        super().__init__(401, "unauthorized", "Unauthorized", detail)

    def response(self, headers: dict[str, str] | None = None) -> JSONResponse:
        """The HTTP answer."""
        return super().response({"WWW-Authenticate": "Bearer", **(headers or {})})


class RequireKey:
    """A dependency that lets only requests with the key through; all of them if there is no key."""

    def __init__(self, key: SecretStr | None) -> None:
        self._key = key.get_secret_value().encode() if key else None

    async def __call__(
        self,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
        api_key: Annotated[str | None, Security(API_KEY)],
    ) -> None:
        """Raise Unauthorized unless the key is right."""
        given = bearer.credentials if bearer else api_key or ""
        if self._key and not hmac.compare_digest(given.encode(), self._key):
            raise Unauthorized
