"""Passes that are cut short, as when the operator is killed: at each of their writes."""

from collections.abc import AsyncIterator
from copy import deepcopy
from itertools import count
from typing import Any

import pytest
from tests.unit.pipelines import env_of, resource

from rag_operator import keys
from rag_operator.asking import Asker
from rag_operator.cluster import Cluster, Page
from rag_operator.names import DEPLOYMENT, PIPELINE, Key, Kind, Manifest, key
from rag_operator.reconcile import Reconciler
from rag_operator.settings import Settings
from rag_operator.user_secrets import UserSecrets

SETTINGS = Settings(cluster_id="cluster")
DEMO = keys.Key("team", "demo")
API = DEPLOYMENT.kind, "demo-api"


class Killed(BaseException):
    """The operator ended."""


class Store(Cluster):
    """An API server that keeps what is written to it, up to a number of writes."""

    def __init__(self) -> None:
        self.pipeline = resource()
        self.objects: dict[Key, Manifest] = {}
        self.writes_left: int | None = None
        self.told: list[tuple[int, str | None]] = []
        """Each time that the API was told: the number of a decision, and the index that is next."""

    def change(self, collection: str) -> None:
        """Have the spec name another collection."""
        self.pipeline["spec"]["vectorStore"]["collection"] = collection
        self.pipeline["metadata"]["generation"] += 1

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        return deepcopy(self.pipeline if kind == PIPELINE else self.objects.get((kind.kind, name)))

    async def list(self, kind: Kind, namespace: str = "", selector: str = "") -> list[Manifest]:
        return [deepcopy(child) for (each, _), child in self.objects.items() if each == kind.kind]

    async def pages(self, kind: Kind, *_: Any, **__: Any) -> AsyncIterator[Page]:
        yield Page(1, await self.list(kind))

    async def serves(self, *kinds: Kind) -> bool:
        return False

    async def create(self, manifest: Manifest) -> Manifest:
        self._write()
        metadata = {**manifest["metadata"], "uid": f"uid-{manifest['metadata']['name']}"}
        return self._keep({**manifest, "metadata": metadata})

    async def replace(self, manifest: Manifest) -> Manifest:
        if manifest != self.objects[key(manifest)]:
            self._write()
            self._keep(manifest)
        return deepcopy(manifest)

    async def delete(self, manifest: Manifest) -> None:
        self._write()
        del self.objects[key(manifest)]

    async def apply_status(self, namespace: str, name: str, status: Manifest) -> None:
        self._write()
        self.pipeline["status"] = deepcopy(status)

    async def record(self, event: Manifest) -> None:
        self._write()

    def _keep(self, child: Manifest) -> Manifest:
        self.objects[key(child)] = deepcopy(child)
        if key(child) == API:
            variables = env_of(child)
            self.told.append((int(variables["INDEXES_DECIDED"]), variables.get("NEXT_INDEX")))
        return deepcopy(child)

    def _write(self) -> None:
        if self.writes_left == 0:
            raise Killed
        if self.writes_left is not None:
            self.writes_left -= 1

    def workers(self) -> dict[str, Any]:
        """Return which index the workers of each Deployment work for."""
        names = [name for kind, name in self.objects if kind == DEPLOYMENT.kind and "worker" in name]
        return {name: env_of(self.objects[DEPLOYMENT.kind, name])["PIPELINE"] for name in names}


async def passed(cluster: Store, writes: int | None = None) -> bool:
    """Make a pass, or some writes of one; return whether it came to its end."""
    cluster.writes_left = writes
    try:
        await Reconciler(cluster, SETTINGS, UserSecrets(cluster), Asker(60, lambda _: None)).reconcile(DEMO)
    except Killed:
        return False
    return True


@pytest.mark.parametrize(
    ("then", "workers"),
    [
        ("new", {"demo-worker": "team.demo", "demo-worker-b": "team.demo~4"}),
        ("third", {"demo-worker": "team.demo", "demo-worker-b": "team.demo~5"}),
        ("docs", {"demo-worker": "team.demo"}),
    ],
)
async def test_the_api_hears_one_thing_by_one_number_wherever_the_operator_was_killed(
    then: str, workers: dict[str, str]
) -> None:
    for writes in count():
        cluster = Store()
        await passed(cluster)
        cluster.change("new")
        whole = await passed(cluster, writes)
        if then != "new":
            cluster.change(then)
        await passed(cluster)
        assert cluster.workers() == workers
        numbers = [number for number, _ in cluster.told]
        assert numbers == sorted(numbers)
        assert len(set(numbers)) == len(set(cluster.told))
        if whole:
            break
    assert writes > 10


async def test_a_pass_after_one_that_was_cut_short_leaves_nothing_for_the_next() -> None:
    cluster = Store()
    await passed(cluster)
    cluster.change("new")
    assert not await passed(cluster, writes=5)
    await passed(cluster)
    assert await passed(cluster, writes=0)
