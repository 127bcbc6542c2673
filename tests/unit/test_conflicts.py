"""Objects of somebody else under names of ours: what would use them is neither made nor changed."""

import pytest
from tests.unit.pipelines import AUTOSCALED, MANAGED_LLM, UID, observed, site

from rag_operator.children import build
from rag_operator.conflicts import conflicts
from rag_operator.evidence import Failure
from rag_operator.names import Key, Manifest, key
from rag_operator.plan import plan

CACHED: Manifest = {"model": "BAAI/bge-m3", "managed": {"cache": {}, "autoscaling": {"maxReplicas": 2}}}


def item(kind: str, name: str) -> Manifest:
    return {"kind": kind, "metadata": {"name": name, "namespace": "team"}}


def held(foreign: Manifest, embedding: Manifest = AUTOSCALED) -> set[str]:
    desired = build(site(llm=MANAGED_LLM, embedding=embedding))
    return {" ".join(each) for each in conflicts(desired, [foreign]) if each != key(foreign)}


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("PersistentVolumeClaim", "demo-redis-data", {"StatefulSet demo-redis"}),
        ("PersistentVolumeClaim", "demo-qdrant-data", {"StatefulSet demo-qdrant"}),
        ("PersistentVolumeClaim", "demo-objects", {"Deployment demo-api", "Deployment demo-worker"}),
        ("ServiceAccount", "demo-llm", {"Deployment demo-llm"}),
        ("ServiceAccount", "demo-embedding", {"Deployment demo-embedding", "ScaledObject demo-embedding"}),
        ("Deployment", "demo-embedding", {"ScaledObject demo-embedding"}),
        ("TriggerAuthentication", "demo-embedding", {"ScaledObject demo-embedding"}),
        ("Service", "demo-llm", {"Deployment demo-api"}),
        ("Service", "demo-embedding", {"Deployment demo-api"}),
        (
            "Service",
            "demo-redis",
            {
                "Secret demo-queue",
                "StatefulSet demo-redis",
                "TriggerAuthentication demo-embedding",
                "ScaledObject demo-embedding",
                *(f"Deployment demo-{part}" for part in ("api", "worker", "embedding")),
            },
        ),
        ("Service", "demo-api", set()),
        ("NetworkPolicy", "demo-redis", {"StatefulSet demo-redis"}),
        ("PodDisruptionBudget", "demo-embedding", set()),
        ("Service", "demo-api-of-somebody", set()),
    ],
)
def test_what_would_use_it_is_held(kind: str, name: str, expected: set[str]) -> None:
    assert held(item(kind, name)) == expected


def test_a_cache_of_somebody_else_is_not_written_into() -> None:
    cache = item("PersistentVolumeClaim", "demo-model-cache")
    assert held(cache, embedding=CACHED) == {"Deployment demo-embedding", "ScaledObject demo-embedding"}


def test_the_object_and_what_would_use_it_are_named() -> None:
    sentence = (
        "PersistentVolumeClaim demo-redis-data exists and does not belong to the pipeline; "
        "delete it, or give the pipeline another name"
    )
    claim = item("PersistentVolumeClaim", "demo-redis-data")
    assert conflicts(build(site()), [claim]) == {
        key(claim): Failure("PersistentVolumeClaim", "redis", sentence, "ObjectConflict"),
        ("StatefulSet", "demo-redis"): Failure(
            "StatefulSet",
            "redis",
            f"StatefulSet demo-redis would use what is not ours and is left as it is: {sentence}",
            "ObjectConflict",
        ),
    }


@pytest.mark.parametrize("there", [[], observed(images={"redis": "redis:7.0"})], ids=["new", "changed"])
def test_what_is_held_is_neither_made_nor_changed(there: list[Manifest]) -> None:
    withheld: list[Key] = [("StatefulSet", "demo-redis")]
    actions = plan(build(site()), there, UID, withheld)
    assert ("StatefulSet", "demo-redis") not in {key(each.manifest) for each in actions}
    assert len(actions) == len(plan(build(site()), there, UID)) - 1
