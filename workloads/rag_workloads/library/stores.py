"""What the documents of one index are kept in: records and queues, vectors, files."""

from dataclasses import dataclass, replace
from typing import Self

from rag_contract.environment.base import LibrarySettings
from rag_contract.index import Index, revision_of
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.chores import Chores
from rag_workloads.library.files import ObjectStore
from rag_workloads.library.indexes import Indexes
from rag_workloads.library.records import Records, Target
from rag_workloads.library.vectors import VectorStore


@dataclass(frozen=True)
class Stores:
    """The stores of one index. Errors are those of redis-py, VectorStoreError, and the object store's.

    `files` is None in a process that has no access to them; what it leaves in the trash others remove.
    """

    queue: Queue
    records: Records
    vectors: VectorStore
    files: ObjectStore | None
    target: Target

    @classmethod
    def open(cls, settings: LibrarySettings, files: ObjectStore | None) -> Self:
        """The stores that the settings name; they are connected to when they are used."""
        key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
        queue = Queue.open(settings.redis_url.get_secret_value(), settings.pipeline)
        records = Records(queue.redis, settings.pipeline)
        target = Target(settings.qdrant_collection, settings.collection_revision)
        index = settings.pipeline if revision_of(settings.pipeline) else None
        vectors = VectorStore(settings.qdrant_url, key, target.collection, settings.owner, index)
        return cls(queue, records, vectors, files, target)

    def beside(self, index: Index) -> Self:
        """Those of another index of the pipeline, over the same connections."""
        redis, revision = self.queue.redis, revision_of(index.id)
        return replace(
            self,
            queue=Queue(redis, index.id),
            records=Records(redis, index.id),
            vectors=self.vectors.beside(index.collection, index.id if revision else None),
            target=Target(index.collection, revision or 0),
        )

    async def at_work(self) -> list[Self]:
        """These, and those of the index that follows this one, if one does. Errors are redis-py's."""
        known = await self.indexes.known()
        return [self, self.beside(known.follower)] if known and known.follower else [self]

    @property
    def indexes(self) -> Indexes:
        """All indexes of the pipeline."""
        return Indexes.around(self.queue.redis, self.queue.pipeline)

    @property
    def chores(self) -> Chores:
        """What one process at a time does beside documents."""
        return Chores(self.queue.redis, self.queue.pipeline)

    async def admit(self) -> None:
        """Wait until Redis answers; IndexUnknown if the index is not wanted, or not yet."""
        await self.queue.wait()
        await self.indexes.admit(self.queue.pipeline)

    async def claim(self, owner: str) -> None:
        """Wait until Redis answers, and see that the documents in it are the owner's; StoreRefused if not."""
        await self.queue.wait()
        await self.records.claim(owner)

    async def close(self) -> None:
        """Close all connections."""
        await self.vectors.close()
        await self.queue.close()
