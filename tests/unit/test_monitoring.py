"""How a pipeline is scraped, and which alerts it has; promtool tries them in tests/integration."""

import re
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY
from tests.unit.pipelines import AUTOSCALED, MANAGED_LLM, children, pipeline, reindexing, site

import rag_operator.metrics
import rag_workloads.api.measures
import rag_workloads.jobs.metrics
import rag_workloads.web.metrics
from rag_contract.endpoints import API_PORT
from rag_operator.children import build
from rag_operator.children.alerts import ALWAYS, PREFIX, WITH_AUTOSCALING, WITH_MODEL, rules
from rag_operator.names import COMPONENT, Manifest

ALERTS = (*ALWAYS, *WITH_MODEL, *WITH_AUTOSCALING)
RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
# Whoever imports them has their metrics in the registry.
OURS = rag_operator.metrics, rag_workloads.api.measures, rag_workloads.jobs.metrics, rag_workloads.web.metrics
OF_KUBELETS = {"kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}
ELSEWHERE: Manifest = {"collection": "docs", "external": {"url": "http://qdrant:6333"}}
MONITOR, RULE = ("PodMonitor", "demo-monitoring"), ("PrometheusRule", "demo-monitoring")


def names(**spec: Any) -> set[str]:
    """The alerts of a pipeline."""
    return {each["alert"].removeprefix(PREFIX) for each in rules(site(**spec))}


def scraped() -> list[str]:
    """The components that a PodMonitor selects."""
    (expression,) = children()[MONITOR]["spec"]["selector"]["matchExpressions"]
    assert expression["key"] == COMPONENT
    found: list[str] = expression["values"]
    return found


def test_without_their_kinds_nothing_is_made() -> None:
    assert {kind for kind, _ in children()} & {"PodMonitor", "PrometheusRule"} == {
        "PodMonitor",
        "PrometheusRule",
    }
    assert not {kind for kind, _ in children(prometheus=False)} & {"PodMonitor", "PrometheusRule"}


def test_a_pipeline_has_the_alerts_of_what_it_has() -> None:
    always = {alert.name for alert in ALWAYS}
    assert names() == always
    assert names(llm=MANAGED_LLM) == always | {"FirstTokenSlow"}
    assert names(embedding=AUTOSCALED) == always | {"AtMaxReplicas", "NotScaled"}


def test_a_suspended_pipeline_calls_nobody() -> None:
    assert RULE not in children(suspend=True)


def test_each_alert_says_what_to_do_and_where_it_is_written() -> None:
    url = "https://wiki/runbook"
    for rule in rules(site(embedding=AUTOSCALED, llm=MANAGED_LLM, settings={"runbook_url": url})):
        assert rule["annotations"]["summary"].startswith("RagPipeline team/demo: ")
        assert rule["annotations"]["description"]
        assert rule["annotations"]["runbook_url"] == f"{url}#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_without_a_url_of_the_runbook_no_alert_has_one() -> None:
    assert all("runbook_url" not in rule["annotations"] for rule in rules(site()))


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    sections = re.findall(r"^## (\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(f"{PREFIX}{alert.name}" for alert in ALERTS)


def test_alerts_look_at_metrics_that_exist() -> None:
    assert OURS
    known = {
        name + suffix
        for family in REGISTRY.collect()
        for name in [family.name]
        for suffix in ("", "_total", "_bucket")
    }
    asked = {name for alert in ALERTS for name in re.findall(r"(\w+)\{", alert.expr)}
    assert len(asked) > 10
    assert asked - OF_KUBELETS <= known


def test_all_pods_that_serve_metrics_are_scraped_those_of_a_second_index_too() -> None:
    made = build(site(llm=MANAGED_LLM, indexes=reindexing(pipeline())))
    pods: list[Manifest] = [item["spec"]["template"] for item in made if item["kind"] == "Deployment"]
    annotated = {
        pod["metadata"]["labels"][COMPONENT]
        for pod in pods
        if pod["metadata"].get("annotations", {}).get("prometheus.io/scrape") == "true"
    }
    assert annotated == set(scraped()) == {"api", "worker", "worker-b", "embedding", "embedding-b", "llm"}


def test_annotations_name_the_port_of_the_metrics() -> None:
    annotations = children()["Deployment", "demo-api"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(API_PORT)


def test_qdrant_is_scraped_with_its_key_which_no_other_pod_is_sent() -> None:
    monitor = children()["PodMonitor", "demo-qdrant"]["spec"]
    assert monitor["selector"]["matchLabels"][COMPONENT] == "qdrant"
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["authorization"]["credentials"] == {"name": "demo-vector-store", "key": "api-key"}
    assert "authorization" not in children()[MONITOR]["spec"]["podMetricsEndpoints"][0]
    assert ("PodMonitor", "demo-qdrant") not in children(vectorStore=ELSEWHERE)


def test_labels_by_which_a_prometheus_finds_them() -> None:
    made = children(settings={"monitoring_labels": {"release": "prometheus"}})
    for kind in (MONITOR, RULE):
        assert made[kind]["metadata"]["labels"]["release"] == "prometheus"
        assert made[kind]["metadata"]["labels"]["app.kubernetes.io/instance"] == "demo"
