"""A pipeline's API keys as the operator writes them into an environment and a service reads them."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_serializer


class Scope(StrEnum):
    """What a key allows; `admin` allows everything."""

    QUERY = "query"
    INGEST = "ingest"
    ADMIN = "admin"


class ApiKey(BaseModel):
    """A key without its value, which stands in the environment variable that `variable` names.

    `name` is what logs and metrics call it. Without `requests_per_minute` it has no rate limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    variable: Annotated[str, Field(min_length=1)]

    @field_serializer("scopes")
    def _in_order(self, scopes: frozenset[Scope]) -> list[Scope]:
        # A set's order differs from process to process, and a pod whose variable differs is replaced.
        return sorted(scopes)
