"""How often Events are read, and what is known of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from aiohttp import ClientPayloadError

from rag_operator.cluster import Cluster, ClusterError, Page
from rag_operator.event_reader import EventReader
from rag_operator.names import Kind, Manifest

LONG = 3600.0


class Server:
    """Answers with two pages of Events, and counts the lists."""

    def __init__(self, *pages: list[Manifest]) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self._pages = pages

    async def pages(self, kind: Kind, namespace: str, *, fields: str) -> AsyncIterator[Page]:
        self.asked.append((kind.kind, namespace, fields))
        for items in self._pages:
            await asyncio.sleep(0)
            yield Page(1, items)


class Failing(Server):
    """Answers with an error after a page."""

    def __init__(self, error: Exception) -> None:
        super().__init__([event("1", "a")])
        self._error = error

    async def pages(self, kind: Kind, namespace: str, *, fields: str) -> AsyncIterator[Page]:
        async for page in super().pages(kind, namespace, fields=fields):
            yield page
        raise self._error


def reader(server: Server, kept_seconds: float = LONG) -> EventReader:
    return EventReader(cast(Cluster, server), kept_seconds)


def claim(uid: str, namespace: str = "one") -> Manifest:
    return {"kind": "PersistentVolumeClaim", "metadata": {"namespace": namespace, "uid": uid}}


def event(uid: str, message: str) -> Manifest:
    return {
        "metadata": {"managedFields": [{}]},
        "involvedObject": {"uid": uid},
        "reason": "Pending",
        "message": message,
    }


def said(records: list[Manifest]) -> list[str]:
    return [each["message"] for each in records]


async def test_one_list_serves_all_pipelines_of_a_namespace() -> None:
    server = Server([event("1", "a"), event("2", "b")], [event("1", "c"), event("of another", "d")])
    asked = reader(server)
    found = await asyncio.gather(*(asked.about([claim(str(number))]) for number in range(200)))
    assert [said(found[1]), said(found[2]), said(found[3])] == [["a", "c"], ["b"], []]
    fields = "involvedObject.kind=PersistentVolumeClaim"
    assert server.asked == [("Event", "one", fields)]
    await asked.about([claim("1"), claim("2"), claim("1", "other")])
    assert server.asked == [("Event", "one", fields), ("Event", "other", fields)]


async def test_a_list_is_made_again_after_a_while() -> None:
    server = Server([event("1", "a")])
    asked = reader(server, kept_seconds=0)
    while len(server.asked) < 2:
        assert said(await asked.about([claim("1")])) == ["a"]
        await asyncio.sleep(0)


async def test_a_pass_that_is_cancelled_leaves_the_list_to_the_others() -> None:
    server = Server([event("1", "a")])
    asked = reader(server)
    first = asyncio.create_task(asked.about([claim("1")]))
    await asyncio.sleep(0)
    other = asyncio.create_task(asked.about([claim("1")]))
    first.cancel()
    assert said(await other) == ["a"]
    assert first.cancelled()
    assert len(server.asked) == 1


@pytest.mark.parametrize("error", [ClusterError(403, "forbidden"), ClientPayloadError(), TimeoutError()])
async def test_nothing_is_known_where_events_cannot_be_read(error: Exception) -> None:
    assert await reader(Failing(error)).about([claim("1")]) == []


async def test_no_more_is_kept_of_an_event_than_is_read() -> None:
    (found,) = await reader(Server([event("1", "a")])).about([claim("1")])
    assert "metadata" not in found
