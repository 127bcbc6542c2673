"""What asks for a pass over a pipeline."""

import asyncio
from typing import Any

import pytest
from tests.patience import PATIENCE_SECONDS

from rag_operator.cluster import Cluster
from rag_operator.handlers import registry, resync
from rag_operator.names import Kind, Manifest
from rag_operator.settings import Settings
from rag_operator.workqueue import Key, Workqueue


@pytest.mark.parametrize(
    ("kind", "generation", "status", "asks"),
    [
        (None, 2, {"observedGeneration": 2}, True),  # from the list before the watch
        ("ADDED", 1, {}, True),
        ("MODIFIED", 3, {}, True),
        ("MODIFIED", 3, {"observedGeneration": 2, "documents": 7}, True),
        ("MODIFIED", 3, {"observedGeneration": 3, "documents": 8}, False),
        ("DELETED", 3, {"observedGeneration": 3}, True),
    ],
)
def test_an_event_asks_for_a_pass_unless_it_tells_of_our_own_status(
    kind: str | None, generation: int, status: Manifest, asks: bool
) -> None:
    async def work(_: Key) -> None: ...

    handlers = registry(Workqueue(work, 1))._watching.get_all_handlers()
    (handler,) = (each for each in handlers if each.id.endswith("pipeline_event"))
    event: dict[str, Any] = {"type": kind, "meta": {"generation": generation}, "status": status}
    assert handler.when
    assert handler.when(**event) is asks


async def test_the_resync_survives_any_error() -> None:
    class Shaky(Cluster):
        failed = False

        def __init__(self) -> None: ...

        async def list(
            self, kind: Kind, namespace: str = "", selector: str = "", fields: str = ""
        ) -> list[Manifest]:
            if not self.failed:
                self.failed = True
                raise ValueError("the answer broke off")
            return [{"metadata": {"namespace": "team", "name": "demo"}}]

    passes: asyncio.Queue[Key] = asyncio.Queue()
    queue = Workqueue(passes.put, 1)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        loops = [
            tasks.create_task(queue.run()),
            tasks.create_task(resync(Shaky(), Settings(resync_seconds=0.01), queue)),
        ]
        assert await passes.get() == Key("team", "demo")
        for loop in loops:
            loop.cancel()
