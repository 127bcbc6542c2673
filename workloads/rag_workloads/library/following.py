"""One index follows another: it gets the same documents, and takes its place once it has them all.

What is uploaded, described or deleted meanwhile reaches the leader; the follower's workers look at every
document that it notes as changed, and once at all others. Each look is one script, so that no change is
missed; what it asks for beside may be done twice, and a job that got lost is found by `recover`.
"""

import time
from typing import NamedTuple

import structlog

from rag_contract.index import Index
from rag_workloads.library.documents import Document
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.record_reader import Filter, Place, RecordReader
from rag_workloads.library.records import Records, now
from rag_workloads.library.scripts import following

# Documents that a turn looks at, of those that changed and of all others.
AT_ONCE = 200
# Of those that wait for a worker: what changes is not to wait behind all others.
WAITING = 500
ALL = "all"
# What a pod writes that is about to end, after its index was dropped, is dropped too.
DROPPED_AGAIN_SECONDS = 60

log = structlog.get_logger(__name__)


class Progress(NamedTuple):
    """How many of the `total` documents that searches see of the leader are searchable in the follower.

    `failed` are those that are not, and wait for somebody to try them again.
    """

    done: int
    total: int
    failed: int


class Follower(Records):
    """The records of an index that follows a leader. Errors are redis-py's."""

    def __init__(self, library: Library, index: Index, leader: Index) -> None:
        super().__init__(library.queue.redis, index.id)
        self._index, self._leader = index, leader
        self._leading = RecordReader(library.queue.redis, leader.id)
        self._library = library
        self._leading_all = f"{leader.id}:docs"
        self._attach = self.redis.register_script(following.ATTACH)
        self._count = self.redis.register_script(following.PROGRESS)
        self._failed = self.redis.register_script(following.FAILED)
        self._switch = self.redis.register_script(following.SWITCH)

    async def advance(self) -> bool:
        """Look at documents that have changed, and at the next of all others; whether there are more.

        VectorStoreError where points of a document cannot be deleted.
        """
        looked_at = await self._looked_at()
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.srandmember(f"{self._leading_all}:changed", AT_ONCE)
            (changed,) = await pipe.execute()
        for document_id in changed:
            await self._look_at(document_id.decode())
        if looked_at != ALL and (await self._library.queue.depths()).ingest < WAITING:
            await self._look_at_next(looked_at)
            return True
        return bool(changed)

    async def switch(self) -> bool:
        """Answer in the leader's place, if all that searches see of it is here; whether it is so."""
        keys = [
            self._library.indexes.key,
            self._leading_all,
            self._all,
            *self._searchable,
            self._events,
        ]
        done = bool(await self._switch(keys, [self._leader.id, self._index.id, time.time()]))
        if done:
            log.info("index switched", leader=self._leader.id, index=self._index.id)
        return done

    async def progress(self) -> Progress:
        """How far it is."""
        failed = f"{self._all}:failed"
        return Progress(*await self._count([*self._searchable, failed]))

    async def failed(self, count: int) -> list[Document]:
        """The first of those that failed, and keep it from answering."""
        ids = await self._failed([*self._searchable, f"{self._all}:failed"], [count])
        return await self.load([each.decode() for each in ids])

    async def retry(self) -> int:
        """Try the first of those again that failed; how many."""
        documents = await self.failed(AT_ONCE)
        for document in documents:
            await self._library.retry(document.document_id)
        return len(documents)

    @property
    def _searchable(self) -> tuple[str, str]:
        return (
            f"{self._leading_all}:in:{self._leader.collection}",
            f"{self._all}:in:{self._index.collection}",
        )

    async def _looked_at(self) -> str:
        """How far it has looked at all documents; from here on the leader notes what changes."""
        keys = [f"{self._leading_all}:followed", f"{self._leading_all}:changed", f"{self._all}:looked_at"]
        return str((await self._attach(keys, [self._index.id])).decode())

    async def _look_at_next(self, looked_at: str) -> None:
        created, _, document_id = looked_at.partition(" ")
        place = Place(float(created), document_id) if looked_at else None
        page = await self._leading.page(Filter(), AT_ONCE, place)
        for document in page.documents:
            await self._look_at(document.document_id)
        reached = f"{page.last.created!r} {page.last.document_id}" if page.last else ALL
        await self.redis.set(f"{self._all}:looked_at", reached)

    async def _look_at(self, document_id: str) -> None:
        keys = f"{self._leader.id}:doc:{document_id}", self._leading_all
        while True:
            answer = await self._run(following.FOLLOW, document_id, *now(), more_keys=keys)
            verdict, task = (each.decode() for each in answer)
            if task and verdict:
                await self._library.queue.enqueue_document(document_id, int(task))
            match verdict:
                case "delete":
                    await self._library.delete(document_id)
                case "withdraw":
                    await self._withdraw(document_id)
                case _:
                    return

    async def _withdraw(self, document_id: str) -> None:
        document = await self.get(document_id)
        if document and document.active_generation:
            await self._library.withdraw(document, document.active_generation)


async def drop_unwanted(library: Library, grace_seconds: float) -> None:
    """Drop the indexes that nobody wants any more, if this one answers; it may have done so in vain before.

    One that has answered was kept for `grace_seconds`.
    """
    known = await library.indexes.known()
    if known is None or known.serving != library.queue.pipeline:
        return
    for index in known.unwanted(grace_seconds):
        await library.indexes.drop(index.id, known.serving)
        await library.beside(index).vectors.drop()
        if index.id not in known.dropped:
            log.info("index dropped", index=index.id, collection=index.collection)
        elif known.dropped[index.id] <= time.time() - DROPPED_AGAIN_SECONDS:
            await library.indexes.forget(index.id)
