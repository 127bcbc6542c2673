"""The children of a pipeline: pure functions from its spec to manifests, one module per part."""

from rag_operator.children import (
    api,
    embedding,
    llm,
    network,
    qdrant,
    redis,
    scaling,
    secrets,
    storage,
    workers,
)
from rag_operator.children.site import Site
from rag_operator.names import Manifest

_PARTS = (secrets, storage, redis, qdrant, network, embedding, llm, workers, api, scaling)


def build(site: Site) -> list[Manifest]:
    """Return every child that the pipeline should have, in the order in which they are made."""
    return [manifest for part in _PARTS for manifest in part.manifests(site)]


__all__ = ["Site", "build"]
