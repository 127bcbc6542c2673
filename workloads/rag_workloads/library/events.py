"""The stream that tells of every change of a document, as it is read from Redis.

Redis keeps the last events only, and may be lost. What cannot be told any more is a gap: whoever meets one
looks at the documents themselves.
"""

import asyncio
import re
from typing import NamedTuple, Self

from redis.asyncio import Redis

from rag_workloads.jobs.queue import open_pool
from rag_workloads.library.documents import Standing
from rag_workloads.library.scripts import EVENTS_KEPT

PAGE = 500
# A wait ends by itself after so long, so that a stream that was replaced meanwhile is noticed.
WAIT_SECONDS = 5
# Many clients may come back at once, and each reads what it has missed.
READS_AT_ONCE = 8
ID = re.compile("([0-9]{1,18})-([0-9]{1,18})")


class EventId(NamedTuple):
    """The place of an event in the stream: its time in milliseconds, and its number at that time."""

    milliseconds: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `str` made; ValueError if it is none."""
        match = ID.fullmatch(text)
        if match is None:
            raise ValueError("it consists of two numbers with a dash between")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        """As Redis and clients write it."""
        return f"{self.milliseconds}-{self.number}"


START = EventId(0, 0)


class Event(NamedTuple):
    """How far a document was at a place in the stream. The same may be told twice."""

    id: EventId
    standing: Standing


class Gap(NamedTuple):
    """Events up to `id` cannot be told."""

    id: EventId


Told = Event | Gap


class EventStream:
    """The events of one pipeline. Errors are redis-py's."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        self._redis, self._key = redis, f"{pipeline}:docs:events"
        self._reads = asyncio.Semaphore(READS_AT_ONCE)

    @classmethod
    def open(cls, redis_url: str, pipeline: str) -> Self:
        """With connections of its own, which ride over short breaks; connects when it is used."""
        return cls(Redis(connection_pool=open_pool(redis_url)), pipeline)

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose(close_connection_pool=True)

    async def last(self) -> EventId:
        """The place of the last event."""
        async with self._reads:
            return _last(await self._redis.xrevrange(self._key, count=1))

    async def after(self, place: EventId) -> list[Told]:
        """The next events after a place, none if it is the last one; a gap if the place is there no more."""
        async with self._reads, self._redis.pipeline(transaction=True) as pipe:
            pipe.xlen(self._key)
            pipe.xrevrange(self._key, count=1)
            pipe.xrange(self._key, min=str(place), count=PAGE + 1)
            length, last, entries = await pipe.execute()
        if place == START:
            return [_told(*entry) for entry in entries] if length < EVENTS_KEPT else [Gap(_last(last))]
        if not entries or _id(entries[0][0]) != place:
            return [Gap(_last(last))]
        return [_told(*entry) for entry in entries[1:]]

    async def wait(self, place: EventId) -> None:
        """Wait until there may be events after a place."""
        await self._redis.xread({self._key: str(place)}, count=1, block=WAIT_SECONDS * 1000)


def _last(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> EventId:
    return _id(entries[0][0]) if entries else START


def _id(text: bytes) -> EventId:
    return EventId.parse(text.decode())


def _told(id: bytes, fields: dict[bytes, bytes]) -> Told:
    """An event that cannot be read, as one of another release, is a gap."""
    try:
        told = {name.decode(): value.decode() for name, value in fields.items()}
        return Event(_id(id), Standing.model_validate(told))
    except ValueError:
        return Gap(_id(id))
