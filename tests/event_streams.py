"""A client of the API's event streams that comes back, as browsers do, with the last id that it knows."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from random import Random
from typing import Any, NamedTuple

import httpx
from httpx_sse import EventSource, aconnect_sse

from rag_workloads.library.documents import Document
from rag_workloads.library.records import Records, Target
from tests.patience import PATIENCE_SECONDS
from tests.records import new_document

ALL = "/api/v1/events"


class Told(NamedTuple):
    """An event: its name, which is "message" unless the stream says another, and its data."""

    name: str
    data: dict[str, Any]


class Follower:
    """One client of one stream."""

    def __init__(self, path: str = ALL, last_id: str | None = None) -> None:
        self._path = path
        self.last_id = last_id

    @contextlib.asynccontextmanager
    async def follow(self, url: str) -> AsyncIterator[AsyncIterator[Told]]:
        """The events that the API at a URL tells from now on, or after the last id that is known.

        httpx's errors if the connection is cut before the stream ends.
        """
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as client,
            aconnect_sse(client, "GET", self._path, headers=headers) as source,
        ):
            source.response.raise_for_status()
            async with contextlib.aclosing(self._told(source)) as told:
                yield told

    async def first(self, url: str, count: int) -> list[Told]:
        """The next events, so many; then the client leaves."""
        async with self.follow(url) as stream:
            return [await anext(stream) for _ in range(count)]

    async def to_the_end(self, url: str) -> list[Told]:
        """All events until the stream ends."""
        async with self.follow(url) as stream:
            return [told async for told in stream]

    async def _told(self, source: EventSource) -> AsyncGenerator[Told]:
        if source.response.status_code == httpx.codes.NO_CONTENT:
            return
        async with contextlib.aclosing(source.aiter_sse()) as events:
            async for event in events:
                self.last_id = event.id
                if event.data:
                    yield Told(event.event, event.json())


async def begin(records: Records, document_id: str) -> Document:
    """A document that was just uploaded."""
    new = new_document(document_id=document_id, object_key=f"documents/{document_id}/00")
    assert (await records.begin(new, Target("lone", 0))).new
    document = await records.get(document_id)
    assert document
    return document


async def turn_pages(records: Records, document: Document, pages: range) -> None:
    """Tell of each of these numbers as the pages that are read."""
    for page in pages:
        assert await records.update(document.document_id, document.generation, pages_done=page)


async def events_missed_after_resume(
    urls: Sequence[str], records: Records, *, events: int, cuts: int, seed: int = 0
) -> int:
    """How many of so many events a client never hears of whose connection is cut, so many times.

    It leaves at random while a document goes on, and comes back to one of the API's replicas at random.
    """
    random = Random(seed)
    document = await begin(records, f"followed-{seed}")
    follower, heard = Follower(f"/api/v1/documents/{document.document_id}/events"), list[int]()
    await follower.first(random.choice(urls), 1)

    async def change() -> None:
        await turn_pages(records, document, range(1, events + 1))
        await records.cancel(document.document_id, document.generation)

    changing = asyncio.create_task(change())
    leave_at, ended = set(random.sample(range(1, events), cuts)), False
    while not ended:
        ended = True  # as it is where nothing more is told
        async with follower.follow(random.choice(urls)) as stream:
            async for told in stream:
                heard.append(told.data["pages_done"])
                ended = told.data["status"] == "cancelled"
                if len(heard) in leave_at:
                    break
    await changing
    return len(set(range(1, events + 1)) - set(heard))
