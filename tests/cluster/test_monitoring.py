"""The Prometheus operator's kinds may come and go: what is made of them, by its own CRDs."""

from collections.abc import Iterator

import pytest
from cluster.build import source

from tests.cluster.kube import NAME, Kube, pipeline
from tests.patience import eventually

KINDS = ("podmonitors", "prometheusrules")
MONITORING = f"{NAME}-monitoring"

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def monitoring_crds(crd: Kube, bare: bool) -> Iterator[list[str]]:
    """The files of the CRDs, which the cluster has not, and which are taken away again."""
    if not bare:
        pytest.skip("CRDs are not removed from a cluster that is not ours")
    folder = source("prometheus-operator", "github.com/prometheus-operator/prometheus-operator")
    crds = folder / "example" / "prometheus-operator-crd"
    remove(crd)
    yield [str(crds / f"monitoring.coreos.com_{kind}.yaml") for kind in KINDS]
    remove(crd)


def remove(cluster: Kube) -> None:
    cluster("delete", "crd", "--ignore-not-found", *(f"{kind}.monitoring.coreos.com" for kind in KINDS))


def install(cluster: Kube, crds: list[str]) -> None:
    for path in crds:
        cluster("apply", "--server-side", "-f", path)
    names = [f"{kind}.monitoring.coreos.com" for kind in KINDS]
    cluster("wait", "--for=condition=Established", "crd", *names)


def severities(kube: Kube) -> set[str]:
    """The severities of a pipeline's alerts; none before there are any."""
    rule = kube.get("prometheusrule", MONITORING)
    groups = rule["spec"]["groups"] if rule else []
    return {each["labels"]["severity"] for group in groups for each in group["rules"]}


def api_replicas(kube: Kube) -> int:
    deployment = kube.get("deployment", f"{NAME}-api")
    return int(deployment["spec"]["replicas"]) if deployment else 0


def test_alerts_come_with_their_kinds_and_a_pipeline_goes_on_without(
    kube: Kube, monitoring_crds: list[str]
) -> None:
    kube.apply(pipeline(api={"replicas": 1}))
    eventually(lambda: api_replicas(kube) == 1)
    install(kube, monitoring_crds)
    eventually(lambda: severities(kube) == {"warning", "critical"})
    assert kube.get("podmonitor", MONITORING)
    remove(kube)
    kube.apply(pipeline(api={"replicas": 3}))
    eventually(lambda: api_replicas(kube) == 3)


def test_what_somebody_changes_is_put_right_and_a_suspended_pipeline_has_no_alerts(
    kube: Kube, monitoring_crds: list[str]
) -> None:
    install(kube, monitoring_crds)
    kube.apply(pipeline())
    eventually(lambda: severities(kube) == {"warning", "critical"})
    kube.patch("prometheusrule", MONITORING, {"spec": {"groups": []}})
    eventually(lambda: severities(kube) == {"warning", "critical"})
    kube.apply(pipeline(suspend=True))
    eventually(lambda: kube.get("prometheusrule", MONITORING) is None)
    assert kube.get("podmonitor", MONITORING)
