"""Environment that several workloads share; each variable is a setting in rag_workloads.web.settings."""

from rag_operator import names
from rag_operator.children.pods import env, secret_env
from rag_operator.children.site import Site
from rag_operator.names import Manifest


def service_env(site: Site, port: int) -> list[Manifest]:
    """Return what every workload is told."""
    return env(
        PIPELINE=names.pipeline_id(site.pipeline),
        LOG_LEVEL="info",
        LOG_FORMAT="json",
        HOST="0.0.0.0",
        PORT=port,
    )


def redis_env(site: Site) -> list[Manifest]:
    """Return how to reach Redis."""
    return [secret_env("REDIS_URL", names.queue_secret(site.pipeline), "url")]


def qdrant_env(site: Site) -> list[Manifest]:
    """Return how to reach Qdrant."""
    secret = names.vector_store_secret(site.pipeline)
    key = [secret_env("QDRANT_API_KEY", secret, "api-key")] if site.vector_store.api_key else []
    collection = env(QDRANT_COLLECTION=site.spec.vector_store.collection)
    return [secret_env("QDRANT_URL", secret, "url"), *key, *collection]


def read_limit(replicas: int, concurrency: int) -> int:
    """Return how many ids a worker must read from its queue to find one that no other worker runs."""
    return replicas * concurrency + 100
