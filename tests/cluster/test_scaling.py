"""KEDA and the number of embedding pods: who owns it, and how it passes from one to the other."""

import time

import pytest

from tests.cluster.conftest import KEDA_KINDS, install
from tests.cluster.kube import MINILM, NAME, Kube, Manifest, pipeline
from tests.patience import eventually

EMBEDDING = f"{NAME}-embedding"
AUTOSCALED = {"model": MINILM, "managed": {"autoscaling": {"minReplicas": 2, "maxReplicas": 4}}}

pytestmark = pytest.mark.usefixtures("operator")


def fixed(replicas: int) -> Manifest:
    return {"model": MINILM, "managed": {"replicas": replicas}}


def deployment(kube: Kube) -> Manifest:
    return eventually(lambda: kube.get("deployment", EMBEDDING))


def replicas(kube: Kube) -> int:
    return int(deployment(kube)["spec"]["replicas"])


@pytest.mark.usefixtures("keda")
def test_the_scaler_is_accepted_as_it_is_written(kube: Kube) -> None:
    kube.apply(pipeline(embedding=AUTOSCALED))
    scaler = eventually(lambda: kube.get("scaledobject", EMBEDDING))
    assert scaler["spec"]["triggers"][0]["metadata"]["listName"] == f"{kube.namespace}.{NAME}:embed"
    assert kube.get("triggerauthentication", EMBEDDING)


@pytest.mark.usefixtures("keda")
def test_the_number_of_pods_is_handed_over_and_taken_back(kube: Kube, bare: bool, operator: float) -> None:
    if not bare:
        pytest.skip("a running KEDA chooses the number itself")
    kube.apply(pipeline(embedding=fixed(3)))
    eventually(lambda: replicas(kube) == 3)
    kube.apply(pipeline(embedding=AUTOSCALED))
    eventually(lambda: kube.get("scaledobject", EMBEDDING))
    assert replicas(kube) == 3
    kube("scale", f"deployment/{EMBEDDING}", "--replicas=4")  # as the HPA does
    time.sleep(2.5 * operator)
    assert replicas(kube) == 4
    kube.apply(pipeline(embedding=fixed(1)))
    eventually(lambda: replicas(kube) == 1)
    eventually(lambda: kube.get("scaledobject", EMBEDDING) is None)


def test_keda_may_come_later(kube: Kube, bare: bool, keda_crds: list[str]) -> None:
    if not bare:
        pytest.skip("KEDA is not removed from a cluster that is not ours")
    kube("delete", "crd", "--ignore-not-found", *(f"{kind}.keda.sh" for kind in KEDA_KINDS))
    kube.apply(pipeline(embedding=AUTOSCALED))

    def missing() -> Manifest | None:
        condition = kube.condition("AutoscalingReady")
        return condition if condition and condition["reason"] == "KedaNotInstalled" else None

    condition = eventually(missing)
    assert condition["message"] == "KEDA is not installed; the embedding pods stay at minReplicas (2)"
    assert replicas(kube) == 2
    install(kube, keda_crds)
    eventually(lambda: kube.get("scaledobject", EMBEDDING))
    assert replicas(kube) == 2
