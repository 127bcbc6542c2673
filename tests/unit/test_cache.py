"""What passes read instead of asking the API server, and how it follows it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.patience import PATIENCE_SECONDS

from rag_operator import informer
from rag_operator.cache import Cache
from rag_operator.cluster import Change, Cluster, ClusterError, Expired, Page
from rag_operator.informer import Informer
from rag_operator.keys import Key
from rag_operator.names import INSTANCE, SERVICE, Kind, Manifest

DEMO, OTHER = Key("team", "demo"), Key("team", "other")


def child(name: str, version: int, pipeline: str = "demo", **spec: Any) -> Manifest:
    metadata = {"namespace": "team", "name": name, "resourceVersion": str(version)}
    return {"metadata": {**metadata, "labels": {INSTANCE: pipeline}}, "spec": spec}


class Seen(Cache):
    """A cache that remembers for which pipelines a pass was asked."""

    def __init__(self) -> None:
        self.asked: list[Key] = []
        super().__init__(
            lambda item: Key(item["metadata"]["namespace"], item["metadata"]["labels"][INSTANCE]),
            self.asked.append,
        )

    def versions(self, pipeline: Key = DEMO) -> dict[str, int]:
        return {
            each["metadata"]["name"]: int(each["metadata"]["resourceVersion"]) for each in self.of(pipeline)
        }


def test_what_was_written_is_there_at_once_and_its_echo_asks_for_nothing() -> None:
    cache = Seen()
    cache.written(child("api", 5))
    cache.put(child("api", 4))  # of before the write
    cache.put(child("api", 5))
    assert (cache.versions(), cache.asked) == ({"api": 5}, [])
    cache.put(child("api", 6, image="another"))
    assert (cache.of(DEMO)[0]["spec"], cache.asked) == ({"image": "another"}, [DEMO])


def test_a_write_whose_object_ended_before_its_answer_came_brings_nothing_back() -> None:
    cache = Seen()
    cache.put(child("api", 4))
    cache.remove(child("api", 6))
    cache.written(child("api", 5))
    assert cache.versions() == {}


def test_a_child_that_gets_another_pipelines_label_is_news_for_both() -> None:
    cache = Seen()
    cache.put(child("api", 1))
    cache.put(child("api", 2, "other"))
    assert (cache.versions(), cache.versions(OTHER)) == ({}, {"api": 2})
    assert set(cache.asked[1:]) == {DEMO, OTHER}


def test_a_list_takes_away_what_is_not_in_it_unless_it_was_written_since() -> None:
    cache = Seen()
    for name in ("gone", "stays"):
        cache.put(child(name, 1))
    cache.written(child("new", 9))
    cache.asked.clear()
    cache.settle(8, cache.take([child("stays", 1)]))
    assert (cache.versions(), cache.asked) == ({"stays": 1, "new": 9}, [DEMO])


class Script(Cluster):
    """A cluster whose lists and watches are written down before; the last watch stays open."""

    def __init__(self, lists: Sequence[Page], watches: Sequence[Sequence[Change] | Exception]) -> None:
        self.lists, self.watches = list(lists), list(watches)
        self.since: list[int] = []

    async def pages(self, *_: Any, **__: Any) -> AsyncIterator[Page]:
        yield self.lists.pop(0)

    @asynccontextmanager
    async def watch(
        self, kind: Kind, namespace: str, selector: str, version: int, *, metadata_only: bool = False
    ) -> AsyncIterator[AsyncIterator[Change]]:
        self.since.append(version)
        if not self.watches:
            await asyncio.Event().wait()
        changes = self.watches.pop(0)
        if isinstance(changes, Exception):
            raise changes

        async def told() -> AsyncIterator[Change]:
            for each in changes:
                yield each

        yield told()


async def followed(script: Script) -> Seen:
    """Follow a script to its last watch; return what the cache then holds."""
    cache = Seen()
    task = asyncio.create_task(Informer(script, SERVICE, "", cache).run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while script.watches or script.lists:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
    task.cancel()
    return cache


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(informer, "RECONNECT_SECONDS", 0.001)


async def test_a_watch_goes_on_from_where_it_was_cut() -> None:
    bookmark = Change("BOOKMARK", {"metadata": {"resourceVersion": "7"}})
    script = Script(
        [Page(3, [child("api", 2)])],
        [[Change("MODIFIED", child("api", 5))], ClusterError(429, "later"), [bookmark]],
    )
    cache = await followed(script)
    assert cache.versions() == {"api": 5}
    assert script.since[:4] == [3, 5, 5, 7]


async def test_what_ended_while_a_version_was_forgotten_is_taken_away() -> None:
    script = Script(
        [Page(3, [child("api", 1), child("worker", 2)]), Page(90, [child("api", 80)])], [Expired(410, "old")]
    )
    cache = await followed(script)
    assert cache.versions() == {"api": 80}
    assert DEMO in cache.asked


async def test_a_cluster_that_was_restored_from_a_backup_is_believed() -> None:
    script = Script([Page(90, [child("api", 80)]), Page(30, [child("api", 20)])], [Expired(410, "new")])
    assert (await followed(script)).versions() == {"api": 20}


async def test_a_cache_that_was_not_renewed_for_long_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer, "BELIEVED_SECONDS", 0.0)
    script = Script([Page(3, [])], [ClusterError(403, "no list of services")] * 3)
    follower = Informer(script, SERVICE, "", Seen())
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(script.watches) == 3:
            await asyncio.sleep(0.001)
    with pytest.raises(ClusterError, match="services cannot be watched: no list of services"):
        follower.check()
    task.cancel()
