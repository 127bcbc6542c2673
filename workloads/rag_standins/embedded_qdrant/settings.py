"""Settings under the environment names of the image qdrant/qdrant, e.g. QDRANT__SERVICE__HTTP_PORT."""

from pathlib import Path

from pydantic import BaseModel, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag_contract.environment.base import LogFormat, LogLevel


class ServiceSettings(BaseModel):
    """Where to listen and whom to let in; no key lets everyone in."""

    host: str = "0.0.0.0"
    http_port: PositiveInt = 6333
    api_key: SecretStr | None = None


class StorageSettings(BaseModel):
    """Where collections are kept."""

    storage_path: Path = Path("storage")


class Settings(BaseSettings):
    """All settings of the server."""

    model_config = SettingsConfigDict(env_prefix="QDRANT__", env_nested_delimiter="__", frozen=True)

    service: ServiceSettings = ServiceSettings()
    storage: StorageSettings = StorageSettings()
    log_level: LogLevel = "info"
    log_format: LogFormat = "json"
