"""Files that were uploaded in one request, so that a client can ask for all of them at once."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import BaseModel
from redis.asyncio import Redis

KEPT_SECONDS = 7 * 24 * 3600


class BatchFile(BaseModel):
    """A file, and what became of it: a document's task, or the problem (RFC 9457) that it had."""

    file_name: str
    document_id: str | None = None
    task: int | None = None
    problem: dict[str, Any] | None = None


class UploadBatch(BaseModel):
    """The files of one request, in order. How far they are stands in the documents' records."""

    created_at: datetime
    files: list[BatchFile]


class UploadBatches:
    """The batches of one pipeline, each written once and kept for `KEPT_SECONDS`. Errors are redis-py's."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        self._redis, self._prefix = redis, f"{pipeline}:upload-batch:"

    async def keep(self, batch: UploadBatch) -> str:
        """Write a batch, and tell its id. A client is told of nothing before."""
        batch_id = uuid4().hex
        await self._redis.set(self._prefix + batch_id, batch.model_dump_json(), ex=KEPT_SECONDS)
        return batch_id

    async def get(self, batch_id: str) -> UploadBatch | None:
        """The batch, or None."""
        found = await self._redis.get(self._prefix + batch_id)
        return UploadBatch.model_validate_json(found) if found else None
