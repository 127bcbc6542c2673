"""Tells many clients of events, and reads the stream once for all of them, while there are any."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

import structlog

from rag_workloads import tasks
from rag_workloads.jobs.redis_errors import AWAY
from rag_workloads.library.events import Event, EventId, EventStream, Gap, Told

# What waits for one client.
WAITING_EVENTS = 1000
AGAIN_SECONDS = 1

log = structlog.get_logger(__name__)


class TooManyListeners(Exception):
    """As many clients listen as may."""


class Listener:
    """Hears of one document, or of all."""

    def __init__(self, stream: EventStream, document_id: str | None) -> None:
        self.document_id = document_id
        self._stream = stream
        self._waiting: asyncio.Queue[Told | None] = asyncio.Queue()
        self._ended = False

    async def missed(self, since: EventId) -> Told | None:
        """The first event after a place that the stream has now, None if there is none."""
        async for told in self._stored(since):
            if self._concerned(told):
                return told
        return None

    async def follow(self, since: EventId) -> AsyncIterator[Told]:
        """Every event after a place: those that the stream has, then those that come."""
        place = since
        coming: Told | None = Gap(since)
        while isinstance(coming, Gap):  # what waits does not go on where this client is, but the stream may
            async for told in self._stored(place):
                place = told.id
                if self._concerned(told):
                    yield told
            while isinstance(coming := await self._waiting.get(), Event):
                if coming.id > place:  # else it was read above
                    place = coming.id
                    yield coming

    def tell(self, told: Told) -> None:
        """Have the client hear of an event that concerns it; a client that is too slow reads the stream."""
        if self._ended:
            return
        if self._waiting.qsize() < WAITING_EVENTS:
            self._waiting.put_nowait(told)
        else:
            self._tell_only(Gap(told.id))

    def end(self) -> None:
        """Tell the client no more."""
        self._ended = True
        self._tell_only(None)

    def _tell_only(self, last: Told | None) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(last)

    async def _stored(self, since: EventId) -> AsyncIterator[Told]:
        while not self._ended and (page := await self._stream.after(since)):
            for told in page:
                yield told
            since = page[-1].id

    def _concerned(self, told: Told) -> bool:
        return isinstance(told, Gap) or self.document_id in (None, told.standing.document_id)


class Listeners:
    """All clients of a process, at most `limit`."""

    def __init__(self, stream: EventStream, limit: int) -> None:
        self.stream = stream
        self._limit = limit
        self._by_document: defaultdict[str | None, set[Listener]] = defaultdict(set)
        self._starting = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._over = False

    @contextlib.asynccontextmanager
    async def listen(self, document_id: str | None = None) -> AsyncIterator[Listener]:
        """Hear of a document, or of all: what comes from now on waits.

        TooManyListeners, and redis-py's errors.
        """
        if len(self._all()) >= self._limit:
            raise TooManyListeners(f"{self._limit} clients listen already.")
        listener = Listener(self.stream, document_id)
        self._by_document[document_id].add(listener)
        try:
            await self._start()
            if self._over:
                listener.end()
            yield listener
        finally:
            self._remove(listener)

    def end(self) -> None:
        """Tell nobody of anything any more."""
        self._over = True
        for listener in self._all():
            listener.end()

    async def close(self) -> None:
        """Stop reading, and close all connections."""
        self.end()
        if self._reader:
            await tasks.end(self._reader)
        await self.stream.close()

    def _all(self) -> list[Listener]:
        return [listener for listeners in self._by_document.values() for listener in listeners]

    def _remove(self, listener: Listener) -> None:
        self._by_document[listener.document_id].discard(listener)
        if not self._by_document[listener.document_id]:
            del self._by_document[listener.document_id]

    async def _start(self) -> None:
        """Read from here on, unless the stream is being read."""
        async with self._starting:
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read(await self.stream.last()))

    async def _read(self, place: EventId) -> None:
        """Read for as long as somebody listens, whatever becomes of Redis."""
        try:
            while self._by_document:
                try:
                    place = await self._tell_after(place)
                except (*AWAY, OSError) as error:
                    log.warning("events cannot be read", reason=str(error) or type(error).__name__)
                    await asyncio.sleep(AGAIN_SECONDS)
        except Exception:
            log.exception("events are read no more")
        finally:  # who listens must not wait for a reader that is gone
            for listener in self._all():
                listener.end()

    async def _tell_after(self, place: EventId) -> EventId:
        page = await self.stream.after(place)
        if not page:
            await self.stream.wait(place)
            return place
        for told in page:
            self._tell(told)
        return page[-1].id

    def _tell(self, told: Told) -> None:
        if isinstance(told, Event):
            concerned = [
                *self._by_document.get(told.standing.document_id, ()),
                *self._by_document.get(None, ()),
            ]
        else:
            concerned = self._all()
        for listener in concerned:
            listener.tell(told)
