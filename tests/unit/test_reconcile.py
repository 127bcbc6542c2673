"""Carrying out a plan when the API server refuses a step of it."""

from copy import deepcopy

import pytest
from tests.unit.pipelines import UID, find, observed, site

from rag_operator.children import build
from rag_operator.cluster import Cluster, ClusterError, Immutable
from rag_operator.evidence import Failure
from rag_operator.execute import execute
from rag_operator.names import Key, Kind, Manifest, key
from rag_operator.plan import plan


class Refusing(Cluster):
    """An API server that refuses to make one object."""

    def __init__(self, refused: str) -> None:
        self.refused = refused
        self.made: list[str] = []

    async def create(self, manifest: Manifest) -> Manifest:
        name = " ".join(key(manifest))
        if self.refused == name:
            raise ClusterError(403, "exceeded quota")
        self.made.append(name)
        return manifest


class Busy(Cluster):
    """An API server whose one object others change, or that cannot be changed as is asked for."""

    def __init__(self, item: Manifest, refusals: list[ClusterError]) -> None:
        self.item = item
        self.refusals = refusals
        self.steps: list[str] = []

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        self.steps.append("get")
        self.item["metadata"]["resourceVersion"] = "2"
        return self.item

    async def replace(self, manifest: Manifest) -> Manifest:
        self.steps.append(f"replace {manifest['metadata']['resourceVersion']}")
        if self.refusals:
            raise self.refusals.pop()
        return manifest

    async def delete(self, manifest: Manifest) -> None:
        self.steps.append("delete")

    async def create(self, manifest: Manifest) -> Manifest:
        self.steps.append("create")
        return manifest


async def test_a_refused_child_does_not_hold_up_the_others() -> None:
    cluster = Refusing("Service demo-redis")
    failures = await execute(cluster, plan(build(site()), [], UID), {})
    assert failures == [Failure("Service", "redis", "Service demo-redis: exceeded quota")]
    assert "Deployment demo-api" in cluster.made


@pytest.mark.parametrize(("secret", "component"), [("demo-queue", "redis"), ("demo-vector-store", "qdrant")])
async def test_no_pod_starts_with_a_password_that_was_not_written(secret: str, component: str) -> None:
    cluster = Refusing(f"Secret {secret}")
    failures = await execute(cluster, plan(build(site()), [], UID), {})
    assert failures == [Failure("Secret", component, f"Secret {secret}: exceeded quota")]
    assert {each.split()[0] for each in cluster.made} <= {"Secret"}


@pytest.mark.parametrize(
    ("kind", "name", "refusals", "steps"),
    [
        ("Service", "demo-api", [ClusterError(409, "stale")], ["replace 1", "get", "replace 2"]),
        ("Service", "demo-api", [Immutable(422, "settled")], ["replace 1", "delete", "create"]),
        ("PersistentVolumeClaim", "demo-objects", [Immutable(422, "settled")], ["replace 1"]),
        ("Deployment", "demo-api", [ClusterError(422, "limits below requests")], ["replace 1"]),
    ],
)
async def test_an_object_is_replaced_in_its_newest_state_and_made_again_only_where_nothing_is_lost(
    kind: str, name: str, refusals: list[ClusterError], steps: list[str]
) -> None:
    there = deepcopy(find(observed(), kind, name))
    there["metadata"]["resourceVersion"] = "1"
    cluster = Busy(there, list(refusals))
    (action,) = plan([find(build(site()), kind, name)], [deepcopy(there)], UID)
    checked: dict[Key, str] = {}
    failures = await execute(cluster, [action], checked)
    assert cluster.steps == steps
    assert bool(failures) == (len(checked) == 0)
