"""The Prometheus operator's kinds may come and go: what is made of them, by its own CRDs."""

from collections.abc import Iterator

import pytest

from tests.cluster.kube import NAME, Kube, pipeline
from tests.cluster.optional_kinds import OptionalKinds, monitoring
from tests.patience import eventually

MONITORING = f"{NAME}-monitoring"

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def monitoring_kinds(crd: Kube, bare: bool) -> Iterator[OptionalKinds]:
    """The kinds of the Prometheus operator, which the cluster has not, and which are taken away again."""
    with monitoring().unknown(crd, bare=bare) as kinds:
        yield kinds


def severities(kube: Kube) -> set[str]:
    """The severities of a pipeline's alerts; none before there are any."""
    rule = kube.get("prometheusrule", MONITORING)
    groups = rule["spec"]["groups"] if rule else []
    return {each["labels"]["severity"] for group in groups for each in group["rules"]}


def api_replicas(kube: Kube) -> int:
    deployment = kube.get("deployment", f"{NAME}-api")
    return int(deployment["spec"]["replicas"]) if deployment else 0


def test_alerts_come_with_their_kinds_and_a_pipeline_goes_on_without(
    kube: Kube, monitoring_kinds: OptionalKinds
) -> None:
    kube.apply(pipeline(api={"replicas": 1}))
    eventually(lambda: api_replicas(kube) == 1)
    monitoring_kinds.install(kube)
    eventually(lambda: severities(kube) == {"warning", "critical"})
    assert kube.get("podmonitor", MONITORING)
    monitoring_kinds.remove(kube)
    kube.apply(pipeline(api={"replicas": 3}))
    eventually(lambda: api_replicas(kube) == 3)


def test_what_somebody_changes_is_put_right_and_a_suspended_pipeline_has_no_alerts(
    kube: Kube, monitoring_kinds: OptionalKinds
) -> None:
    monitoring_kinds.install(kube)
    kube.apply(pipeline())
    eventually(lambda: severities(kube) == {"warning", "critical"})
    kube.patch("prometheusrule", MONITORING, {"spec": {"groups": []}})
    eventually(lambda: severities(kube) == {"warning", "critical"})
    kube.apply(pipeline(suspend=True))
    eventually(lambda: kube.get("prometheusrule", MONITORING) is None)
    assert kube.get("podmonitor", MONITORING)
