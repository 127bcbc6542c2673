"""The two Secrets that say how to reach Redis and Qdrant, with one shape for managed and external ones."""

from rag_operator import names
from rag_operator.children.objects import secret
from rag_operator.children.site import Site
from rag_operator.connections import REDIS_CONFIG
from rag_operator.names import Component, Manifest


def manifests(site: Site) -> list[Manifest]:
    """Return the connection Secrets."""
    queue = site.queue.data()
    if site.spec.queue.managed:
        queue[REDIS_CONFIG] = site.queue.config
    return [
        secret(site, Component.REDIS, names.queue_secret(site.pipeline), queue),
        secret(site, Component.QDRANT, names.vector_store_secret(site.pipeline), site.vector_store.data()),
    ]
