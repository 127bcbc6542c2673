"""Reads the records of documents in Redis: a hash each, an index per state by creation."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis

from rag_workloads.library.documents import Document, ErrorCode, State
from rag_workloads.library.scripts.listing import LIST

EVERY = 500

log = structlog.get_logger(__name__)


class Checkpoint(NamedTuple):
    """Where an attempt begins: what the worker noted of its state, and the words that it knows.

    When it is noted, the words are added to those of earlier ones.
    """

    state: bytes
    words: bytes


NO_CHECKPOINT = Checkpoint(b"", b"")


class Place(NamedTuple):
    """A document's place among all: when it was created, in seconds, and its id."""

    created: float
    document_id: str


class Page(NamedTuple):
    """Documents, newest first, and the place to go on after; None if there is nothing more.

    It may have fewer documents than were asked for, even none, and more may follow: Redis looks at so many
    at once only.
    """

    documents: list[Document]
    last: Place | None


class Filter(BaseModel):
    """Which documents a list shows: those that fulfil all that is given.

    `name` is a part of the file's name, in which capitals A to Z count as small ones.
    """

    model_config = ConfigDict(frozen=True)

    state: State | None = None
    tag: str | None = None
    error_code: ErrorCode | None = None
    name: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None

    def indexes(self) -> list[str]:
        """The names of the indexes that must have a document."""
        named = {"": self.state, "tag:": self.tag, "error:": self.error_code}
        return [f"{kind}{value}" for kind, value in named.items() if value is not None]

    def finds(self, document: Document) -> bool:
        """Whether it finds a document, as lists do."""
        return (
            self.state in (None, document.state)
            and self.tag in (None, *document.tags)
            and self.error_code in (None, document.error_code)
            and in_small_letters(self.name) in in_small_letters(document.file_name)
            and (self.created_after is None or self.created_after <= document.created_at)
            and (self.created_before is None or document.created_at < self.created_before)
        )


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
        self._list_script = redis.register_script(LIST)

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

    async def failures(self) -> dict[ErrorCode, int]:
        """How many documents failed with each code."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for code in ErrorCode:
                pipe.zcard(f"{self._all}:error:{code}")
            return dict(zip(ErrorCode, await pipe.execute(), strict=True))

    async def searchable(self, collection: str) -> int:
        """How many documents searches find in a collection."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.scard(f"{self._all}:in:{collection}")
            (count,) = await pipe.execute()
        return int(count)

    async def page(self, wanted: Filter, limit: int, after: Place | None = None) -> Page:
        """Documents, newest first, `after` the last one of the page before; see `Page`."""
        ids, last = await self.ids(wanted, limit, after)
        return Page(await self.load(ids), last)

    async def ids(
        self, wanted: Filter, limit: int, after: Place | None = None
    ) -> tuple[list[str], Place | None]:
        """As `page`, the ids alone."""
        indexes = [self._all, *(f"{self._all}:{index}" for index in wanted.indexes())]
        least = wanted.created_after.timestamp() if wanted.created_after else "-inf"
        greatest = f"({wanted.created_before.timestamp()}" if wanted.created_before else "+inf"
        args = [least, greatest, *(after or ("", "")), limit, in_small_letters(wanted.name), self._record("")]
        created, last_id, *ids = await self._list_script(indexes, args)
        last = Place(float(created), last_id.decode()) if created else None
        return [each.decode() for each in ids], last

    async def every(self, wanted: Filter) -> AsyncIterator[Document]:
        """All documents that a filter finds, newest first; what is done with them does not disturb it."""
        page = await self.page(wanted, EVERY)
        while True:
            for document in page.documents:
                yield document
            if page.last is None:
                return
            page = await self.page(wanted, EVERY, page.last)

    async def total(self, wanted: Filter) -> int | None:
        """How many documents a filter finds, where that is known without looking at each."""
        indexes = wanted.indexes()
        if len(indexes) > 1 or wanted.name:
            return None
        index = f"{self._all}:{indexes[0]}" if indexes else self._all
        least = wanted.created_after.timestamp() if wanted.created_after else "-inf"
        greatest = f"({wanted.created_before.timestamp()}" if wanted.created_before else "+inf"
        return int(await self.redis.zcount(index, least, greatest))

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

    async def batch_failures(self, batches: Sequence[tuple[str, int, int]]) -> list[int]:
        """How often each batch has failed, by its document, generation and number."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for document_id, generation, number in batches:
                pipe.hget(f"{self._record(document_id)}:{generation}:failures", str(number))
            return [int(failures or 0) for failures in await pipe.execute()]

    async def trash(self) -> list[str]:
        """Keys of files that no record names any more."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.smembers(self._trash)
            (keys,) = await pipe.execute()
        return [key.decode() for key in keys]

    def _record(self, document_id: str) -> str:
        return f"{self._pipeline}:doc:{document_id}"


def in_small_letters(name: str) -> bytes:
    """A name as Redis compares it, which knows the letters A to Z only."""
    return name.encode().lower()


def _document(fields: dict[bytes, bytes]) -> Document | RecordUnreadable:
    """One record that cannot be read must not keep anybody from the others."""
    try:
        return Document.model_validate({name.decode(): value.decode() for name, value in fields.items()})
    except ValueError as error:
        document_id = fields.get(b"document_id", b"").decode()
        log.error("record cannot be read", document_id=document_id, reason=str(error))
        return RecordUnreadable(f"the record of document {document_id!r} cannot be read: {error}")
