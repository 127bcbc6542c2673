"""Who may reach whom: a NetworkPolicy for each component, which keeps out all others.

API         everybody: it is the door, for an Ingress and a port-forward too
workers     who scrapes metrics
embedding   the API, and who scrapes metrics
LLM         the API, and who scrapes metrics; the engine beside it listens inside its pod only
Redis       the API, the workers and the embedding pods; KEDA's operator, when it scales
Qdrant      the API, the workers and the embedding pods, and who scrapes metrics

Probes come from the node of a pod, which a policy does not keep out.
"""

from collections.abc import Sequence

from rag_contract.endpoints import API_PORT, EMBEDDING_PORT, LLM_PORT, WORKER_PORT
from rag_operator import names
from rag_operator.children.objects import component_child
from rag_operator.children.site import Site
from rag_operator.connections import QDRANT_PORT, REDIS_PORT
from rag_operator.names import Component, Manifest

# Set on every namespace by the API server: nobody can give it to another.
NAMESPACE_NAME = "kubernetes.io/metadata.name"
KEDA_OPERATOR = {"app": "keda-operator"}


def manifests(site: Site) -> list[Manifest]:
    """Return the policies of the components that the pipeline has."""
    scraper = _namespace(site.settings.scraper_namespace)
    asked_by_api = [*_pods(site, Component.API), *scraper]
    asked_from_outside = _from_outside(site, asked_by_api)
    policies = [_policy(site, Component.API, API_PORT, None)]
    for index in site.indexes.running:
        policies.append(_policy(site, Component.WORKER.of(index), WORKER_PORT, scraper))
        policies.append(_policy(site, Component.EMBEDDING.of(index), EMBEDDING_PORT, asked_from_outside))
    if site.spec.llm:
        policies.append(_policy(site, Component.LLM, LLM_PORT, asked_by_api))
    if site.spec.queue.managed:
        policies.append(_policy(site, Component.REDIS, REDIS_PORT, [*_store_users(site), *_keda(site)]))
    if site.spec.vector_store.managed:
        policies.append(_policy(site, Component.QDRANT, QDRANT_PORT, [*_store_users(site), *scraper]))
    return policies


def _store_users(site: Site) -> list[Manifest]:
    filling = [part.of(index) for index in site.indexes.running for part in names.PARTS_OF_AN_INDEX]
    return _pods(site, Component.API, *filling)


def _pods(site: Site, *components: Component) -> list[Manifest]:
    """Return the pipeline's own pods: by all labels, of which other software uses some for itself."""
    return [{"podSelector": {"matchLabels": names.selector(site.pipeline, each)}} for each in components]


def _namespace(name: str) -> list[Manifest]:
    """Return all pods of a namespace; nobody without a name."""
    return [{"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: name}}}] if name else []


def _from_outside(site: Site, peers: list[Manifest]) -> list[Manifest] | None:
    """Return the peers, and what exposes the pipeline; None, for everybody, if nobody says where that is."""
    if site.spec.expose is None:
        return peers
    return [*peers, *_namespace(site.settings.ingress_namespace)] if site.settings.ingress_namespace else None


def _keda(site: Site) -> list[Manifest]:
    """Return KEDA's operator, which reads the depth of the queue: in its own namespace only."""
    if not any(site.managed_embedding(index).autoscaling for index in site.indexes.running):
        return []
    return [
        {**peer, "podSelector": {"matchLabels": KEDA_OPERATOR}}
        for peer in _namespace(site.settings.keda_namespace)
    ]


def _policy(site: Site, component: Component, port: int, peers: Sequence[Manifest] | None) -> Manifest:
    """Return a policy that opens one port to some peers, or to everybody (None)."""
    rule: Manifest = {"ports": [{"port": port, "protocol": "TCP"}]}
    if peers is not None:
        rule["from"] = list(peers)
    spec = {
        "podSelector": {"matchLabels": names.selector(site.pipeline, component)},
        "policyTypes": ["Ingress"],
        # A rule whose list of peers is empty would let everybody in.
        "ingress": [] if peers is not None and not peers else [rule],
    }
    return component_child(site, "NetworkPolicy", component, {"spec": spec})
