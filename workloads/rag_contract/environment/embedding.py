"""The environment of the embedding service."""

from pathlib import Path
from typing import Literal

from pydantic import NonNegativeInt, PositiveInt, SecretStr

from rag_contract import defaults
from rag_contract.endpoints import EMBEDDING_PORT
from rag_contract.environment.base import KeySettings

Precision = Literal["auto", "bf16", "f32"]


class EmbeddingSettings(KeySettings):
    """`model_path` is a folder with the model; without it the hub is asked for `embedding_model`.

    `max_batch_tokens` bounds one inference, padding counted; `concurrency` is how many queue batches are in
    work at once. `dimensions` shortens vectors, for models trained so. The engine `tei` asks `engine_url`.
    """

    port: PositiveInt = EMBEDDING_PORT
    embedding_model: str
    model_path: Path | None = None
    engine: Literal["openvino", "tei"] = "openvino"
    engine_url: str = ""
    engine_api_key: SecretStr | None = None
    precision: Precision = "auto"
    dimensions: PositiveInt | None = None
    max_batch_tokens: PositiveInt = 1024
    max_client_batch_size: PositiveInt = 128
    concurrency: PositiveInt = defaults.EMBEDDING_CONCURRENCY
    batch_timeout_seconds: PositiveInt = defaults.BATCH_TIMEOUT_SECONDS
    retries: NonNegativeInt = defaults.RETRIES
    shutdown_grace_seconds: NonNegativeInt = 60
