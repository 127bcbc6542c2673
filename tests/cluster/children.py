"""The children of pipelines that were accepted, as an API server with all their kinds takes them."""

import json
from typing import Any

from rag_operator.children import Site, build
from rag_operator.connections import QueueConnection, VectorStoreConnection
from rag_operator.indexes import decide
from rag_operator.pipeline import RagPipeline
from rag_operator.plan import stamp
from rag_operator.settings import Settings
from tests.cluster.asking import Asking, Refusal

Manifest = dict[str, Any]


def children(stored: Manifest) -> list[Manifest]:
    """Return the children of a pipeline that the API server gave back, in a cluster that knows all kinds."""
    pipeline = RagPipeline.model_validate(stored)
    site = Site(
        pipeline,
        decide(pipeline),
        Settings(cluster_id="cluster"),
        QueueConnection("redis.example.com", "redis-password"),
        VectorStoreConnection("http://qdrant.example.com:6333", "qdrant-key"),
        keda=True,
        monitoring=True,
        gateway_api=True,
    )
    return [stamp(child) for child in build(site)]


class Children:
    """Asks an API server about children, about each only once."""

    def __init__(self, server: Asking) -> None:
        self._server = server
        self._accepted: set[str] = set()

    def refusals(self, stored: Manifest) -> list[str]:
        """Return what the API server says to the children of a pipeline that it refuses."""
        refused = []
        for child in children(stored):
            text = json.dumps(child, sort_keys=True)
            if text in self._accepted:
                continue
            try:
                self._server.apply(child)
                self._accepted.add(text)
            except Refusal as refusal:
                refused.append(f"{child['kind']} {child['metadata']['name']}: {refusal}")
        return refused
