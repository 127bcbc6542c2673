"""The environment of the workers."""

from pathlib import Path

from pydantic import NonNegativeInt, PositiveInt

from rag_contract import defaults
from rag_contract.endpoints import WORKER_PORT
from rag_contract.environment.base import LibrarySettings, StorageSettings


class WorkerSettings(LibrarySettings, StorageSettings):
    """`model_path` is a folder with tokenizer.json; without it the hub is asked for `embedding_model`.

    An index that answers no more is kept for `index_grace_seconds`.
    """

    port: PositiveInt = WORKER_PORT
    embedding_model: str
    model_path: Path | None = None
    chunk_size_tokens: PositiveInt = defaults.CHUNK_SIZE_TOKENS
    chunk_overlap_tokens: NonNegativeInt = defaults.CHUNK_OVERLAP_TOKENS
    batch_size: PositiveInt = defaults.BATCH_CHUNKS
    max_batches_in_flight: PositiveInt = defaults.MAX_BATCHES_IN_FLIGHT
    max_bytes_in_flight: PositiveInt = defaults.MAX_BYTES_IN_FLIGHT
    retries: NonNegativeInt = defaults.RETRIES
    retry_delay_seconds: NonNegativeInt = defaults.RETRY_DELAY_SECONDS
    time_limit_seconds: PositiveInt = defaults.TIME_LIMIT_SECONDS
    ocr: bool = False
    concurrency: PositiveInt = defaults.WORKER_CONCURRENCY
    index_grace_seconds: NonNegativeInt = defaults.INDEX_GRACE_SECONDS
    shutdown_grace_seconds: NonNegativeInt = 60
