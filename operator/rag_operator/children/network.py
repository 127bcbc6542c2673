"""Who may reach Redis and Qdrant: the pipeline's own pods, and KEDA for the depth of the queue."""

from collections.abc import Sequence

from rag_operator import names
from rag_operator.children.objects import component_child
from rag_operator.children.site import Site
from rag_operator.connections import QDRANT_PORT, REDIS_PORT
from rag_operator.names import INSTANCE, Component, Manifest

KEDA_PEER: Manifest = {
    "namespaceSelector": {},
    "podSelector": {"matchLabels": {"app": "keda-operator"}},
}


def manifests(site: Site) -> list[Manifest]:
    """Return a NetworkPolicy for each store that the operator runs."""
    own_pods: Manifest = {"podSelector": {"matchLabels": {INSTANCE: site.pipeline.metadata.name}}}
    policies = []
    if site.spec.queue.managed:
        policies.append(_policy(site, Component.REDIS, REDIS_PORT, [own_pods, KEDA_PEER]))
    if site.spec.vector_store.managed:
        policies.append(_policy(site, Component.QDRANT, QDRANT_PORT, [own_pods]))
    return policies


def _policy(site: Site, component: Component, port: int, peers: Sequence[Manifest]) -> Manifest:
    spec = {
        "podSelector": {"matchLabels": names.selector(site.pipeline, component)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": list(peers), "ports": [{"port": port, "protocol": "TCP"}]}],
    }
    return component_child(site, "NetworkPolicy", component, {"spec": spec})
