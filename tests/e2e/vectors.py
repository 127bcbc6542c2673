"""Looks straight into a pipeline's Qdrant, past the API."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from demo.pipeline import Pipeline
from qdrant_client import AsyncQdrantClient, models


@dataclass(frozen=True)
class Vectors:
    """The collection of a pipeline."""

    client: AsyncQdrantClient
    collection: str

    async def points(self, document_id: str) -> list[dict[str, Any]]:
        """Returns the payloads of all points of a document, active or not, of every generation."""
        condition = models.FieldCondition(key="document_id", match=models.MatchValue(value=document_id))
        records, more = await self.client.scroll(
            self.collection, models.Filter(must=[condition]), limit=10_000, with_payload=True
        )
        assert more is None
        return [record.payload or {} for record in records]

    async def count(self) -> int:
        """Returns how many points there are in all."""
        return (await self.client.count(self.collection, exact=True)).count


@asynccontextmanager
async def vectors_of(pipeline: Pipeline) -> AsyncIterator[Vectors]:
    """Forwards a port to Qdrant while the body runs, with the key that the operator made."""
    kube, name, namespace = pipeline.kube, pipeline.name, pipeline.namespace
    secret = await kube.get("secret", f"{name}-vector-store", namespace)
    resource = await kube.get("ragpipeline", name, namespace)
    assert secret
    assert resource
    key = base64.b64decode(secret["data"]["api-key"]).decode()
    async with kube.forward(f"{name}-qdrant", 6333, namespace) as url:
        client = AsyncQdrantClient(url=url, api_key=key, check_compatibility=False)
        yield Vectors(client, resource["spec"]["vectorStore"]["collection"])
        await client.close()
