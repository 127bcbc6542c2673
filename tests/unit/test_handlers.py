"""What of a pipeline's events asks for a pass, and what is only remembered."""

import inspect
from typing import Any

import pytest

from rag_operator.cache import Cache
from rag_operator.handlers import hear, registry
from rag_operator.keys import Key
from rag_operator.names import Manifest
from rag_operator.workqueue import Workqueue

DEMO = Key("team", "demo")


class Asked(Workqueue):
    """A queue that remembers what was added."""

    def __init__(self) -> None:
        super().__init__(1, 60)
        self.keys: list[Key] = []

    def add(self, key: Key, *_: Any) -> None:
        self.keys.append(key)


def pipelines() -> Cache:
    return Cache(lambda item: Key(item["metadata"]["namespace"], item["metadata"]["name"]), lambda _: None)


def told(version: int, generation: int = 1, **others: Any) -> Manifest:
    """Return a pipeline as an event tells of it."""
    metadata = {"namespace": "team", "name": "demo", "uid": "1", "generation": generation}
    return {"metadata": {**metadata, "resourceVersion": str(version)}, **others}


@pytest.mark.parametrize(
    ("kind", "pipeline", "asks"),
    [
        (None, told(5), False),  # from a list after the watch broke off
        ("MODIFIED", told(6, status={"documents": 8}), False),
        ("MODIFIED", told(6, generation=2), True),
        ("MODIFIED", told(6) | {"metadata": told(6)["metadata"] | {"deletionTimestamp": "now"}}, True),
        ("ADDED", told(6) | {"metadata": told(6)["metadata"] | {"uid": "2"}}, True),  # made again
        ("DELETED", told(6), True),
    ],
)
def test_an_event_asks_for_a_pass_unless_it_tells_of_a_status(
    kind: str | None, pipeline: Manifest, asks: bool
) -> None:
    cache, queue = pipelines(), Asked()
    hear(cache, queue, None, told(5))
    hear(cache, queue, kind, pipeline)
    assert queue.keys == [DEMO] * (1 + asks)
    assert (cache.get(*DEMO) is None) == (kind == "DELETED")


def test_no_handler_of_kopf_runs_in_a_thread_of_its_own() -> None:
    handlers = registry(pipelines(), Asked())
    found = [*handlers._activities.get_all_handlers(), *handlers._watching.get_all_handlers()]
    assert found
    assert all(inspect.iscoroutinefunction(handler.fn) for handler in found)
