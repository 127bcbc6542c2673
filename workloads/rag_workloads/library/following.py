"""One index follows another: it gets the same documents, and takes its place once it has them all.

What is uploaded, described or deleted meanwhile reaches the leader; the follower's workers look at every
document that it notes as changed, and once at all others. Each look is one script, so that no change is
missed; what it asks for beside may be done twice, and a job that got lost is found by `recover`.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from redis.exceptions import NoPermissionError

from rag_contract.index import Index
from rag_workloads.library.collections import VectorStoreError
from rag_workloads.library.documents import Document
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.record_reader import Filter, Place, RecordReader, RecordUnreadable
from rag_workloads.library.record_scripts import now
from rag_workloads.library.records import Records
from rag_workloads.library.scripts import following
from rag_workloads.library.stuck import Stuck

# Documents that a turn looks at, of those that changed and of all others.
AT_ONCE = 200
# Of those that wait for a worker: what changes is not to wait behind all others.
WAITING = 500
# Of Redis' memory: above it, what clients send goes first.
MEMORY_SHARE = 0.8
ALL = "all"

log = structlog.get_logger(__name__)


class Progress(NamedTuple):
    """How many of the `total` documents that searches see of the leader are searchable in the follower.

    `failed` are those that are not, and wait for somebody to try them again; `stuck` could not follow at the
    last look, and are looked at again.
    """

    done: int
    total: int
    failed: int
    stuck: int = 0


class Follower(Records):
    """The records of an index that follows a leader. Errors are redis-py's."""

    def __init__(self, library: Library, index: Index, leader: Index) -> None:
        super().__init__(library.queue.redis, index.id)
        self._index, self._leader = index, leader
        self._leading = RecordReader(library.queue.redis, leader.id)
        self._library = library
        self._leading_all = f"{leader.id}:docs"
        self._looked_at_script = self.redis.register_script(following.LOOKED_AT)
        self._attach = self.redis.register_script(following.ATTACH)
        self._count = self.redis.register_script(following.PROGRESS)
        self._failed = self.redis.register_script(following.FAILED)
        self._switch = self.redis.register_script(following.SWITCH)

    async def advance(self) -> bool:
        """Look at documents that have changed, and at the next of all others; whether there are more.

        One that cannot be dealt with is left for the next time.
        """
        looked_at = await self._looked_at()
        if looked_at is None:
            return False
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.srandmember(f"{self._leading_all}:changed", AT_ONCE)
            (changed,) = await pipe.execute()
        await self._try([document_id.decode() for document_id in changed])
        if looked_at != ALL and await self._has_room():
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
            f"{self._leader.id}:generation",
            f"{self._index.id}:generation",
        ]
        done = bool(await self._switch(keys, [self._leader.id, self._index.id, time.time()]))
        if done:
            log.info("index switched", leader=self._leader.id, index=self._index.id)
        return done

    async def progress(self) -> Progress:
        """How far it is."""
        return Progress(*await self._count([*self._searchable, f"{self._all}:failed", self._stuck]))

    async def stuck(self, count: int) -> list[Stuck]:
        """Some of those that could not follow."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.hrandfield(self._stuck, count, withvalues=True)
            (found,) = await pipe.execute()
        return [Stuck.model_validate_json(text) for text in sorted(found[1::2])]

    async def waits(self) -> str:
        """Why no more of the documents are begun, in a sentence; "" if they are, or all were."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.get(self._place)
            (looked_at,) = await pipe.execute()
        return "" if looked_at == ALL.encode() else await self._short_of_memory()

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
    def _followed(self) -> str:
        return f"{self._leading_all}:followed"

    @property
    def _place(self) -> str:
        return f"{self._all}:looked_at"

    @property
    def _stuck(self) -> str:
        return f"{self._all}:stuck"

    @property
    def _searchable(self) -> tuple[str, str]:
        return (
            f"{self._leading_all}:in:{self._leader.collection}",
            f"{self._all}:in:{self._index.collection}",
        )

    async def _looked_at(self) -> str | None:
        """How far it has looked at all documents; None if it is not wanted any more.

        From here on the leader notes what changes.
        """
        keys = [self._library.indexes.key, self._followed, f"{self._leading_all}:changed", self._place]
        looked_at = await self._attach(keys, [self._index.id])
        return None if looked_at is None else looked_at.decode()

    async def _has_room(self) -> bool:
        """Whether more documents may wait for workers, and take of Redis what clients need too."""
        if (await self._library.queue.depths()).ingest >= WAITING:
            return False
        if short := await self._short_of_memory():
            log.warning("documents wait to be embedded anew", reason=short)
        return not short

    async def _short_of_memory(self) -> str:
        """How full Redis is, in words, if it is too full to begin more; "" if one of others does not tell."""
        try:
            memory = await self.redis.info("memory")
        except NoPermissionError:
            return ""
        used, limit = memory["used_memory"], memory["maxmemory"]
        if used <= MEMORY_SHARE * limit or not limit:
            return ""
        below = f"more documents are begun below {MEMORY_SHARE:.0%}: give it more"
        return f"Redis uses {used / limit:.0%} of its memory, and {below}"

    async def _look_at_next(self, looked_at: str) -> None:
        created, _, document_id = looked_at.partition(" ")
        place = Place(float(created), document_id) if looked_at else None
        ids, last = await self._leading.ids(Filter(), AT_ONCE, place)
        await self._try(ids)
        reached = f"{last.created!r} {last.document_id}" if last else ALL
        await self._looked_at_script([self._followed, self._place], [self._index.id, looked_at, reached])

    async def _try(self, ids: Sequence[str]) -> None:
        """Look at documents; one that cannot be dealt with costs no other."""
        followed = [document_id for document_id in ids if await self._follows(document_id)]
        if followed:
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.hdel(self._stuck, *followed)
                await pipe.execute()

    async def _follows(self, document_id: str) -> bool:
        """Look at a document; if it cannot be dealt with, say why, and leave it for later."""
        try:
            await self._look_at(document_id)
        except (VectorStoreError, RecordUnreadable) as error:
            log.warning("document left for later", document_id=document_id, reason=str(error))
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.sadd(f"{self._leading_all}:changed", document_id)
                pipe.hset(self._stuck, document_id, Stuck.by(document_id, error).model_dump_json())
                await pipe.execute()
            return False
        return True

    async def _look_at(self, document_id: str) -> None:
        keys = f"{self._leader.id}:doc:{document_id}", self._leading_all
        adopted = 0
        while True:
            args = document_id, *now(), self._index.id, adopted
            answer = await self._run(following.FOLLOW, *args, more_keys=keys)
            verdict, task, through = (each.decode() for each in answer)
            if task and verdict:
                await self._library.queue.enqueue_document(document_id, int(task))
            match verdict:
                case "delete":
                    await self._library.delete_version(document_id, int(through))
                case "withdraw":
                    await self._library.withdraw(document_id, int(through))
                case "adopt":
                    await self._adopt(document_id, int(through))
                    adopted = 1
                case _:
                    return

    async def _adopt(self, document_id: str, generation: int) -> None:
        """Note for the leader that searches see a document, if they do: an earlier release did not."""
        leading = self._library.beside(self._leader)
        _, chunks = await leading.vectors.chunks(document_id, generation, 0, 1)
        if chunks:
            await leading.records.adopt(document_id, generation, self._leader.collection)
