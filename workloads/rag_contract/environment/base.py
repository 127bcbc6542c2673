"""How an environment is written and read, and what several processes have in common."""

import os
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, PositiveInt, SecretStr
from pydantic_core import from_json, to_json

from rag_contract.api_keys import ApiKey

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "console"]

# A variable has no lists: a field that is one says so by this, and is written as JSON.
JSON = BeforeValidator(lambda value: from_json(value) if isinstance(value, str) else value)


class FromSecret(SecretStr):
    """A value that stays in its Secret: who writes the environment names it, and need not know it."""

    def __init__(self, name: str, key: str) -> None:
        super().__init__(f"{name}/{key}")
        self.reference = {"name": name, "key": key}


class Environment(BaseModel):
    """The variables of one process; a field's variable is its name in capitals.

    The operator makes one from a pipeline's spec and writes its `variables`; the process gets the same by
    `read`. Either way a value out of its bounds is a ValidationError (pydantic).
    """

    # An error must not show what was read: some of it is secret.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        alias_generator=str.upper,
        validate_by_name=True,
        protected_namespaces=(),
    )

    @classmethod
    def read(cls) -> Self:
        """What this process was given."""
        return cls.model_validate(dict(os.environ), extra="ignore", by_alias=True, by_name=False)

    def variables(self) -> list[dict[str, Any]]:
        """As the `env` of a container, defaults too; TypeError for a secret value that is in no Secret."""
        written = self.model_dump(mode="json", exclude_none=True)
        return [
            {"name": name.upper(), **_source(getattr(self, name), text)} for name, text in written.items()
        ]


def _source(value: Any, written: Any) -> dict[str, Any]:
    if isinstance(value, FromSecret):
        return {"valueFrom": {"secretKeyRef": value.reference}}
    if isinstance(value, SecretStr):
        raise TypeError("a secret value cannot stand in a manifest: refer to it by FromSecret")
    return {"value": written if isinstance(written, str) else to_json(written).decode()}


class ServiceSettings(Environment):
    """What every process is told; `pipeline` is what its keys start with. A subclass sets `port`."""

    pipeline: Annotated[str, Field(min_length=1)]
    log_level: LogLevel = "info"
    log_format: LogFormat = "json"
    host: str = "0.0.0.0"
    port: PositiveInt


class LibrarySettings(ServiceSettings):
    """Where records and vectors are, and whose they are, among all that may share the stores.

    `redis_url` may hold a password. `owner` is "<cluster>/<namespace>/<name>". `collection_revision` grows
    whenever the spec names another collection.
    """

    redis_url: SecretStr
    qdrant_url: str
    qdrant_api_key: SecretStr | None = None
    qdrant_collection: str
    owner: Annotated[str, Field(min_length=1)] = "local"
    collection_revision: NonNegativeInt = 0


class KeySettings(LibrarySettings):
    """Without `api_key` and `api_keys` everyone may ask; one that is there and empty lets nobody in."""

    api_key: SecretStr | None = None
    api_keys: Annotated[list[ApiKey] | None, JSON] = None


class StorageSettings(Environment):
    """Where the uploaded files are: file:///folder or s3://bucket/prefix."""

    storage_url: str
