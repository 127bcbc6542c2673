"""The API key, as a bearer token or in X-API-Key."""

import hmac
from typing import Annotated

from fastapi import Header
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from rag_workloads.core.problems import Problem


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
        authorization: Annotated[str, Header()] = "",
        x_api_key: Annotated[str, Header()] = "",
    ) -> None:
        """Raise Unauthorized unless the key is right."""
        scheme, _, token = authorization.partition(" ")
        given = token if scheme.lower() == "bearer" else x_api_key
        if self._key and not hmac.compare_digest(given.encode(), self._key):
            raise Unauthorized
