"""Reads the records of documents in Redis: a hash each, an index per state by creation."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog
from redis.asyncio import Redis

from rag_workloads.library.documents import Document, State

log = structlog.get_logger(__name__)


class Checkpoint(NamedTuple):
    """Where an attempt begins: what the worker noted of its state, and the words that it knows.

    When it is noted, the words are added to those of earlier ones.
    """

    state: bytes
    words: bytes


NO_CHECKPOINT = Checkpoint(b"", b"")


class RecordUnreadable(Exception):
    """There is a record, and this release does not understand it, as one that a newer release wrote."""


class RecordReader:
    """The records of one pipeline, to read. Errors are redis-py's."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        self.redis, self._pipeline = redis, pipeline
        self._all = f"{pipeline}:docs"
        self._by_state = [f"{self._all}:{state}" for state in State]
        self._work, self._trash = f"{self._all}:work", f"{self._all}:trash"
        self._events = f"{self._all}:events"

    async def get(self, document_id: str) -> Document | None:
        """The record, or None if there is none. Raises RecordUnreadable."""
        (found,) = await self.look([document_id])
        if isinstance(found, RecordUnreadable):
            raise found
        return found

    async def load(self, ids: Sequence[str]) -> list[Document]:
        """The records of these ids, in order, without those that are not there, or cannot be read."""
        return [found for found in await self.look(ids) if isinstance(found, Document)]

    async def look(self, ids: Sequence[str]) -> list[Document | RecordUnreadable | None]:
        """What there is for each of these ids, in order; None for no record."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for document_id in ids:
                pipe.hgetall(self._record(document_id))
            found = await pipe.execute()
        return [_document(fields) if fields else None for fields in found]

    async def counts(self) -> dict[State, int]:
        """How many documents there are in each state."""
        async with self.redis.pipeline(transaction=True) as pipe:
            for index in self._by_state:
                pipe.zcard(index)
            return dict(zip(State, await pipe.execute(), strict=True))

    async def searchable(self, collection: str) -> int:
        """How many documents searches find in a collection."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.scard(f"{self._all}:in:{collection}")
            (count,) = await pipe.execute()
        return int(count)

    async def page(self, offset: int, limit: int, state: State | None = None) -> tuple[list[Document], int]:
        """A page of records, newest first, and how many there are in all."""
        index = f"{self._all}:{state}" if state else self._all
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.zrevrange(index, offset, offset + limit - 1)
            pipe.zcard(index)
            ids, total = await pipe.execute()
        return await self.load([i.decode() for i in ids]), total

    async def checkpoint(self, document_id: str, generation: int) -> Checkpoint | None:
        """Where an attempt at a generation begins; None at its start."""
        key = f"{self._record(document_id)}:{generation}"
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.get(f"{key}:cut")
            pipe.get(f"{key}:words")
            state, words = await pipe.execute()
        return None if state is None else Checkpoint(state, words or b"")

    async def done_batches(self, document_id: str, generation: int) -> set[int]:
        """The numbers of the batches that are in the vector store."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.smembers(f"{self._record(document_id)}:{generation}:done")
            (numbers,) = await pipe.execute()
        return {int(number) for number in numbers}

    async def trash(self) -> list[str]:
        """Keys of files that no record names any more."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.smembers(self._trash)
            (keys,) = await pipe.execute()
        return [key.decode() for key in keys]

    def _record(self, document_id: str) -> str:
        return f"{self._pipeline}:doc:{document_id}"


def _document(fields: dict[bytes, bytes]) -> Document | RecordUnreadable:
    """One record that cannot be read must not keep anybody from the others."""
    try:
        return Document.model_validate({name.decode(): value.decode() for name, value in fields.items()})
    except ValueError as error:
        document_id = fields.get(b"document_id", b"").decode()
        log.error("record cannot be read", document_id=document_id, reason=str(error))
        return RecordUnreadable(f"the record of document {document_id!r} cannot be read: {error}")
