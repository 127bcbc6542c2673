"""Objects of somebody else under names of ours: left alone, used by nothing, and named in the status."""

import pytest

from tests.cluster.kube import NAME, Kube, Manifest, pipeline
from tests.patience import eventually

API = f"{NAME}-api"
# No image has it: it comes from the hub, and its cache is mounted.
HUB_MODEL = "BAAI/bge-m3"
CACHED = {"model": HUB_MODEL, "managed": {"cache": {}}}
EVERY_POD = {
    *(f"Deployment/{NAME}-{part}" for part in ("api", "worker", "embedding")),
    *(f"StatefulSet/{NAME}-{part}" for part in ("redis", "qdrant")),
}

pytestmark = pytest.mark.usefixtures("operator")


def workloads(kube: Kube) -> set[str]:
    return {f"{item['kind']}/{item['metadata']['name']}" for item in kube.list("deployments,statefulsets")}


def conflict(kube: Kube, condition: str) -> str:
    """Return the message of a condition once it tells of a conflict."""

    def told() -> Manifest | None:
        found = kube.condition(condition)
        return found if found and found["reason"] == "ObjectConflict" else None

    found = eventually(told)
    assert found["status"] == "False"
    ready = kube.condition("Ready")
    assert ready
    assert (ready["status"], ready["reason"]) == ("False", "ObjectConflict")
    return str(found["message"])


def claim(name: str) -> Manifest:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "7Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(
    ("suffix", "condition", "without"),
    [
        ("redis-data", "QueueReady", {f"StatefulSet/{NAME}-redis"}),
        ("qdrant-data", "VectorStoreReady", {f"StatefulSet/{NAME}-qdrant"}),
        ("objects", "ApiReady", {f"Deployment/{NAME}-api", f"Deployment/{NAME}-worker"}),
        ("model-cache", "EmbeddingReady", {f"Deployment/{NAME}-embedding"}),
    ],
)
def test_no_pod_mounts_a_claim_of_somebody_else(
    kube: Kube, suffix: str, condition: str, without: set[str]
) -> None:
    name = f"{NAME}-{suffix}"
    kube.apply(claim(name))
    before = kube.get("pvc", name)
    kube.apply(pipeline(embedding=CACHED))
    message = conflict(kube, condition)
    assert f"PersistentVolumeClaim {name} exists and does not belong to the pipeline; delete it" in message
    assert workloads(kube) == EVERY_POD - without
    assert kube.get("pvc", name) == before
    kube.delete("pvc", name)
    eventually(lambda: workloads(kube) == EVERY_POD)


def test_pods_that_run_are_not_changed_to_use_an_object_of_somebody_else(kube: Kube) -> None:
    kube.apply(claim(f"{NAME}-model-cache"))
    kube.apply(pipeline(embedding={"model": HUB_MODEL, "managed": {}}))
    made = eventually(lambda: kube.get("deployment", f"{NAME}-embedding"))
    kube.apply(pipeline(embedding=CACHED))
    assert f"{NAME}-model-cache exists" in conflict(kube, "EmbeddingReady")
    now = kube.get("deployment", f"{NAME}-embedding")
    assert now
    assert now["spec"] == made["spec"]


def test_no_pod_runs_as_somebody_elses_service_account(kube: Kube) -> None:
    kube("create", "serviceaccount", f"{NAME}-worker")
    kube.apply(pipeline())
    assert f"ServiceAccount {NAME}-worker exists" in conflict(kube, "WorkersReady")
    assert workloads(kube) == EVERY_POD - {f"Deployment/{NAME}-worker"}


def test_no_pod_talks_to_somebody_elses_service(kube: Kube) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{NAME}-redis"}}
    kube.apply({**service, "spec": {"ports": [{"port": 6379}]}})
    kube.apply(pipeline())
    assert f"Service {NAME}-redis exists" in conflict(kube, "QueueReady")
    assert workloads(kube) == {f"StatefulSet/{NAME}-qdrant"}
    kept = kube.get("service", f"{NAME}-redis")
    assert kept
    assert "selector" not in kept["spec"]


def test_what_nothing_of_ours_uses_holds_up_nothing(kube: Kube) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": API}}
    kube.apply({**service, "spec": {"ports": [{"port": 80}]}})
    kube.apply(pipeline())
    assert conflict(kube, "ApiReady") == (
        f"Service {API} exists and does not belong to the pipeline; "
        "delete it, or give the pipeline another name"
    )
    kept = kube.get("service", API)
    assert kept
    assert kept["spec"]["ports"][0]["port"] == 80
    eventually(lambda: workloads(kube) == EVERY_POD)
