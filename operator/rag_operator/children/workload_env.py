"""Values that the environments of several workloads share."""

from rag_contract.environment.base import FromSecret
from rag_operator import names
from rag_operator.children.site import Site
from rag_operator.fields import SecretKeyRef


def from_secret(reference: SecretKeyRef | None) -> FromSecret | None:
    """Return the value that an optional reference of the user's stands for."""
    return FromSecret(reference.name, reference.key) if reference else None


def redis_url(site: Site) -> FromSecret:
    """Return how to reach Redis."""
    return FromSecret(names.queue_secret(site.pipeline), "url")


def qdrant_api_key(site: Site) -> FromSecret | None:
    """Return Qdrant's key; None when it wants none."""
    secret = names.vector_store_secret(site.pipeline)
    return FromSecret(secret, "api-key") if site.vector_store.api_key else None


def read_limit(replicas: int, concurrency: int) -> int:
    """Return how many ids a worker must read from its queue to find one that no other worker runs."""
    return replicas * concurrency + 100
