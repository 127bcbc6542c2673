"""The children of a pipeline: pure functions from its spec to manifests, one module per part."""

from rag_operator.children import (
    api,
    embedding,
    llm,
    monitoring,
    network,
    qdrant,
    redis,
    routes,
    scaling,
    secrets,
    storage,
    workers,
)
from rag_operator.children.site import Site
from rag_operator.names import Manifest

_SHARED = (secrets, storage, redis, qdrant, network, llm, monitoring, routes)
_OF_AN_INDEX = (embedding, workers, scaling)


def build(site: Site) -> list[Manifest]:
    """Return every child that the pipeline should have, in the order in which they are made."""
    return [
        *(manifest for part in _SHARED for manifest in part.manifests(site)),
        *(
            manifest
            for index in site.indexes.running
            for part in _OF_AN_INDEX
            for manifest in part.manifests(site, index)
        ),
        *api.manifests(site),
    ]


__all__ = ["Site", "build"]
