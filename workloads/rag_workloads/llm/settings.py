"""Settings of the language model service."""

from pydantic import PositiveFloat, PositiveInt, SecretStr

from rag_workloads.web.settings import BaseServiceSettings


class Settings(BaseServiceSettings):
    """`backend_url` is the base of an OpenAI-compatible API, e.g. http://127.0.0.1:8080/v1."""

    port: PositiveInt = 8004
    backend_url: str
    backend_model: str
    backend_api_key: SecretStr | None = None
    request_timeout_seconds: PositiveFloat = 120
