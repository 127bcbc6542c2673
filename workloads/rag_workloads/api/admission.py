"""Which uploads are let in: decided before a body is read, so that what is refused leaves nothing behind."""

import contextlib
from collections.abc import AsyncIterator

from redis.exceptions import OutOfMemoryError

from rag_contract import names
from rag_contract.environment.api import ApiSettings
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.files import ObjectStore
from rag_workloads.web.problems import TryLater

# Counts the documents that wait or run. A script that declares no flags is one that may write: at `maxmemory`
# Redis refuses it before it runs, and so tells of both in one round trip.
COUNT = """#!lua
return redis.call('ZCARD', KEYS[1])
"""


class QueueFull(TryLater):
    """503: Redis takes no more documents now."""

    def __init__(self, detail: str) -> None:
        super().__init__("queue-full", "The queue is full", detail)


class Admission:
    """Lets uploads in while there is room: in this process, in the queue, in Redis and on the volume."""

    def __init__(self, settings: ApiSettings, queue: Queue, files: ObjectStore) -> None:
        self._ingest, self._count = names.ingest_queue(queue.pipeline), queue.redis.register_script(COUNT)
        self._files = files
        self._max_uploads = settings.max_uploads
        self._max_waiting = settings.max_documents_waiting
        self._upload_limit = settings.upload_limit_bytes
        self._uploads = 0

    @contextlib.asynccontextmanager
    async def upload(self, stated_bytes: int) -> AsyncIterator[None]:
        """Hold a place for one upload, whose body has so many bytes, or 0 where that is not said.

        Raises TryLater: uploads-busy, queue-full or storage-full; and redis-py's errors.
        """
        if self._uploads >= self._max_uploads:
            detail = f"{self._max_uploads} uploads are running already."
            raise TryLater("uploads-busy", "Too many uploads at once", detail)
        self._uploads += 1
        try:
            await self._check_queue()
            await self._check_volume(max(stated_bytes, self._upload_limit))
            yield
        finally:
            self._uploads -= 1

    async def _check_queue(self) -> None:
        try:
            waiting = int(await self._count([self._ingest]))
        except OutOfMemoryError as error:
            raise memory_full() from error
        if waiting >= self._max_waiting:
            raise QueueFull(f"{waiting} documents are waiting to be processed.")

    async def _check_volume(self, needed: int) -> None:
        free = await self._files.free_bytes()
        if free is not None and free < needed:
            raise storage_full()


def memory_full() -> QueueFull:
    """Redis is at its `maxmemory`."""
    return QueueFull("Redis has no memory left.")


def storage_full() -> TryLater:
    """The volume of the files has no room for an upload."""
    return TryLater("storage-full", "The storage is full", "The volume has no room for what is sent.")
