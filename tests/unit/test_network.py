"""Who may reach whom."""

import pytest
from tests.unit.pipelines import AUTOSCALED, INGRESS, MANAGED_LLM, pipeline, pod_of, reindexing, site
from tests.unit.policies import Pod, may_reach

from rag_operator.children import build
from rag_operator.names import Manifest

MADE = build(
    site(
        settings={"scraper_namespace": "monitoring"},
        indexes=reindexing(pipeline()),
        embedding=AUTOSCALED,
        llm=MANAGED_LLM,
    )
)
PORTS = {
    "api": 8000,
    "worker": 8001,
    "worker-b": 8001,
    "embedding": 8003,
    "embedding-b": 8003,
    "llm": 8004,
    "redis": 6379,
    "qdrant": 6333,
}
FILLING = {"worker", "worker-b", "embedding", "embedding-b"}
LLAMA_SERVER_PORT = 8080


def policies(items: list[Manifest]) -> list[Manifest]:
    return [item for item in items if item["kind"] == "NetworkPolicy"]


def labels(component: str) -> dict[str, str]:
    """Return the labels of a component's pods."""
    name = f"demo-{component}"
    kinds = {"Deployment", "StatefulSet"}
    made = next(each for each in MADE if each["kind"] in kinds and each["metadata"]["name"] == name)
    found: dict[str, str] = made["spec"]["template"]["metadata"]["labels"]
    return found


OWN = {component: Pod("team", labels(component)) for component in PORTS}
INSTANCE = {"app.kubernetes.io/instance": "demo"}
MANAGED_BY_HELM = {**labels("api"), "app.kubernetes.io/managed-by": "Helm"}
OTHER_PIPELINE = {**labels("api"), "app.kubernetes.io/instance": "other"}
STRANGERS = {
    "a pod with nothing": Pod("team", {}),
    "a pod of a Helm release of the same name": Pod("team", INSTANCE),
    "an API of a Helm release of the same name": Pod("team", MANAGED_BY_HELM),
    "the API of another pipeline": Pod("team", OTHER_PIPELINE),
    "a pod with our labels in another namespace": Pod("other", labels("api")),
    "a pod that calls itself KEDA's operator": Pod("other", {"app": "keda-operator"}),
    "the same in our namespace": Pod("team", {"app": "keda-operator"}),
    "another pod of KEDA's namespace": Pod("keda", {"app": "keda-operator-metrics-apiserver"}),
}
KEDA = {"KEDA's operator": Pod("keda", {"app": "keda-operator"})}
SCRAPER = {"Prometheus": Pod("monitoring", {"app.kubernetes.io/name": "prometheus"})}
SOURCES = OWN | STRANGERS | KEDA | SCRAPER
ALLOWED: dict[str, set[str]] = {
    "api": set(SOURCES),
    "worker": {"Prometheus"},
    "worker-b": {"Prometheus"},
    "embedding": {"api", "Prometheus"},
    "embedding-b": {"api", "Prometheus"},
    "llm": {"api", "Prometheus"},
    "redis": {"api", *FILLING, "KEDA's operator"},
    "qdrant": {"api", *FILLING, "Prometheus"},
}


@pytest.mark.parametrize("target", PORTS)
@pytest.mark.parametrize("source", SOURCES)
def test_who_may_reach_whom(source: str, target: str) -> None:
    allowed = may_reach(policies(MADE), SOURCES[source], OWN[target], PORTS[target])
    assert allowed == (source in ALLOWED[target])


@pytest.mark.parametrize("target", PORTS)
def test_no_other_port_is_open_to_anybody(target: str) -> None:
    others = ({*PORTS.values(), LLAMA_SERVER_PORT, 6334, 22}) - {PORTS[target]}
    for source in SOURCES.values():
        assert not any(may_reach(policies(MADE), source, OWN[target], port) for port in others)


def test_every_pod_has_a_policy() -> None:
    pods = {item["metadata"]["name"] for item in MADE if item["kind"] in {"Deployment", "StatefulSet"}}
    assert {item["metadata"]["name"] for item in policies(MADE)} == pods


def test_keda_is_let_in_only_where_it_scales() -> None:
    fixed = policies(build(site()))
    assert not may_reach(fixed, KEDA["KEDA's operator"], OWN["redis"], PORTS["redis"])


def test_kedas_namespace_is_the_one_that_the_operator_was_told() -> None:
    made = policies(build(site(settings={"keda_namespace": "scaling"}, embedding=AUTOSCALED)))
    elsewhere = Pod("scaling", {"app": "keda-operator"})
    assert may_reach(made, elsewhere, OWN["redis"], PORTS["redis"])
    assert not may_reach(made, KEDA["KEDA's operator"], OWN["redis"], PORTS["redis"])


@pytest.mark.parametrize("namespace", ["", "edge"])
def test_what_exposes_a_pipeline_reaches_its_embedding_pods(namespace: str) -> None:
    made = policies(build(site(settings={"ingress_namespace": namespace}, expose=INGRESS)))
    edge, stranger = Pod("edge", {"app": "envoy"}), Pod("elsewhere", {})
    assert may_reach(made, edge, OWN["embedding"], PORTS["embedding"])
    assert may_reach(made, stranger, OWN["embedding"], PORTS["embedding"]) == (namespace == "")
    assert not may_reach(policies(build(site())), edge, OWN["embedding"], PORTS["embedding"])


@pytest.mark.parametrize("target", ["worker", "embedding", "llm", "qdrant"])
def test_nobody_scrapes_who_was_not_named(target: str) -> None:
    made = policies(build(site(llm=MANAGED_LLM)))
    assert not may_reach(made, SCRAPER["Prometheus"], OWN[target], PORTS[target])


def test_the_engine_of_the_language_model_listens_inside_its_pod_only() -> None:
    llm = next(
        item for item in MADE if item["metadata"]["name"] == "demo-llm" and item["kind"] == "Deployment"
    )
    _, engine = pod_of(llm)["initContainers"]
    assert engine["args"][engine["args"].index("--host") + 1] == "127.0.0.1"
    # The kubelet's own probes reach the pod's address only, so the probes run beside the engine.
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert engine[probe]["exec"]["command"][-1] == f"http://127.0.0.1:{LLAMA_SERVER_PORT}/health"
