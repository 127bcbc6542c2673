"""The environment of the workers."""

from pathlib import Path

from pydantic import NonNegativeInt, PositiveInt

from rag_contract.endpoints import WORKER_PORT
from rag_contract.environment.base import LibrarySettings, StorageSettings


class WorkerSettings(LibrarySettings, StorageSettings):
    """`model_path` is a folder with tokenizer.json; without it the hub is asked for `embedding_model`."""

    port: PositiveInt = WORKER_PORT
    embedding_model: str
    model_path: Path | None = None
    chunk_size_tokens: PositiveInt = 200
    chunk_overlap_tokens: NonNegativeInt = 40
    batch_size: PositiveInt = 32
    max_batches_in_flight: PositiveInt = 64
    retries: NonNegativeInt = 3
    retry_delay_seconds: NonNegativeInt = 60
    time_limit_seconds: PositiveInt = 300
    concurrency: PositiveInt = 1
    queue_read_limit: PositiveInt = 100
    shutdown_grace_seconds: NonNegativeInt = 60
