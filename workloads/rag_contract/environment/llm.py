"""The environment of the language model service."""

from pydantic import PositiveFloat, PositiveInt, SecretStr

from rag_contract.endpoints import LLM_PORT
from rag_contract.environment.base import ServiceSettings
from rag_contract.limits import ANSWER_SECONDS


class LlmSettings(ServiceSettings):
    """`backend_url` is the base of an OpenAI-compatible API, e.g. http://127.0.0.1:8080/v1.

    `answer_seconds` bounds a whole answer, streams too. The engine's metrics are told with our own.
    """

    port: PositiveInt = LLM_PORT
    backend_url: str
    backend_model: str
    backend_api_key: SecretStr | None = None
    engine_metrics_url: str | None = None
    answer_seconds: PositiveFloat = ANSWER_SECONDS
