"""Carrying out a plan when the API server refuses a step of it."""

import pytest
from tests.unit.pipelines import AUTOSCALED, UID, find, observed, own_replicas, site

from rag_operator.children import build
from rag_operator.cluster import Cluster, ClusterError
from rag_operator.evidence import Failure
from rag_operator.execute import REPLICAS_MANAGER, execute
from rag_operator.names import FIELD_MANAGER, Manifest
from rag_operator.plan import plan


class Refusing(Cluster):
    """An API server that refuses to write one object, or all that one manager sends."""

    def __init__(self, refused: str) -> None:
        self.refused = refused
        self.kept: list[str] = []

    async def apply(self, manifest: Manifest, manager: str = FIELD_MANAGER, *, force: bool = True) -> None:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        if self.refused in {name, manager}:
            raise ClusterError(403, "exceeded quota")
        self.kept.append(name)


async def test_a_refused_child_does_not_hold_up_the_others() -> None:
    cluster = Refusing("Service demo-redis")
    failures = await execute(cluster, plan(build(site()), [], UID))
    assert failures == [Failure("Service", "redis", "Service demo-redis: exceeded quota")]
    assert "Deployment demo-api" in cluster.kept


@pytest.mark.parametrize(("secret", "component"), [("demo-queue", "redis"), ("demo-vector-store", "qdrant")])
async def test_no_pod_starts_with_a_password_that_was_not_written(secret: str, component: str) -> None:
    cluster = Refusing(f"Secret {secret}")
    failures = await execute(cluster, plan(build(site()), [], UID))
    assert failures == [Failure("Secret", component, f"Secret {secret}: exceeded quota")]
    assert {each.split()[0] for each in cluster.kept} <= {"Secret"}


async def test_replicas_are_not_dropped_before_they_are_handed_over() -> None:
    there = observed(embedding={**AUTOSCALED, "managed": {"replicas": 3}})
    own_replicas(find(there, "Deployment", "demo-embedding"))
    cluster = Refusing(REPLICAS_MANAGER)
    await execute(cluster, plan(build(site(embedding=AUTOSCALED)), there, UID))
    assert "Deployment demo-embedding" not in cluster.kept


async def test_what_is_invalid_is_told_apart_from_what_is_refused() -> None:
    class Strict(Refusing):
        async def apply(
            self, manifest: Manifest, manager: str = FIELD_MANAGER, *, force: bool = True
        ) -> None:
            raise ClusterError(422, "spec.ports: Invalid value")

    (first, *_) = await execute(Strict(""), plan(build(site()), [], UID))
    assert (first.reason, first.message.endswith(": spec.ports: Invalid value")) == ("Invalid", True)
