"""Settings mixins: each process composes its own class from these and reads it from the environment."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "console"]


class BaseServiceSettings(BaseSettings):
    """What every service needs; `pipeline` is "<namespace>.<name>". A subclass gives `port` its default."""

    model_config = SettingsConfigDict(frozen=True)

    pipeline: Annotated[str, Field(min_length=1)]
    log_level: LogLevel = "info"
    log_format: LogFormat = "json"
    host: str = "0.0.0.0"
    port: PositiveInt


class RedisSettings(BaseSettings):
    """Where queue and records live; the URL may hold a password."""

    redis_url: SecretStr


class QdrantSettings(BaseSettings):
    """Where vectors live."""

    qdrant_url: str
    qdrant_api_key: SecretStr | None = None
    qdrant_collection: str


class StorageSettings(BaseSettings):
    """Where the uploaded files live: file:///folder or s3://bucket/prefix."""

    storage_url: str
