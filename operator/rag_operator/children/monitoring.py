"""What the Prometheus operator makes of a pipeline: how its pods are scraped, and when to call somebody."""

from rag_operator import names
from rag_operator.children.alerts import rules
from rag_operator.children.objects import component_child
from rag_operator.children.site import Site
from rag_operator.names import COMPONENT, INSTANCE, POD_MONITOR, PROMETHEUS_RULE, SCRAPED, Component, Manifest

# What the alerts and dashboards know a series by, and the label of its pod.
LABELS = {"pipeline": INSTANCE, "component": COMPONENT}
SECONDS = 30


def manifests(site: Site) -> list[Manifest]:
    """Return the PodMonitors and the PrometheusRule; none where nobody would read them."""
    if not site.monitoring:
        return []
    found = [_child(site, POD_MONITOR.kind, Component.MONITORING, _pod_monitor(site))]
    if site.spec.vector_store.managed:
        found.append(_child(site, POD_MONITOR.kind, Component.QDRANT, _qdrant_monitor(site)))
    if alerts := rules(site):
        group = {"name": f"{site.pipeline.metadata.namespace}.{site.pipeline.metadata.name}", "rules": alerts}
        found.append(_child(site, PROMETHEUS_RULE.kind, Component.MONITORING, {"groups": [group]}))
    return found


def _child(site: Site, kind: str, component: Component, spec: Manifest) -> Manifest:
    made = component_child(site, kind, component, {"spec": spec})
    # By which a Prometheus finds what is for it; what a child is known by stays.
    made["metadata"]["labels"] = {**site.settings.monitoring_labels, **made["metadata"]["labels"]}
    return made


def _pod_monitor(site: Site) -> Manifest:
    components = [component.value for component in SCRAPED]
    return {
        "selector": {
            "matchLabels": names.children_labels(site.pipeline),
            "matchExpressions": [{"key": COMPONENT, "operator": "In", "values": components}],
        },
        "podMetricsEndpoints": [_endpoint()],
    }


def _qdrant_monitor(site: Site) -> Manifest:
    """Return how Qdrant is scraped: it asks for its key, which no annotation could tell."""
    key = {"name": names.vector_store_secret(site.pipeline), "key": "api-key"}
    return {
        "selector": {"matchLabels": names.selector(site.pipeline, Component.QDRANT)},
        "podMetricsEndpoints": [{**_endpoint(), "authorization": {"type": "Bearer", "credentials": key}}],
    }


def _endpoint() -> Manifest:
    relabelings = [
        {"sourceLabels": [f"__meta_kubernetes_pod_label_{_sanitized(of)}"], "targetLabel": label}
        for label, of in LABELS.items()
    ]
    return {"port": "http", "path": "/metrics", "interval": f"{SECONDS}s", "relabelings": relabelings}


def _sanitized(label: str) -> str:
    """Return a pod's label as Prometheus' discovery writes it."""
    return "".join(letter if letter.isalnum() else "_" for letter in label)
