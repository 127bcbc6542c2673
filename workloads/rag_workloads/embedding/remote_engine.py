"""The engine that asks a text-embeddings-inference server."""

import asyncio
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_workloads.core.embedding_client import EmbeddingClient
from rag_workloads.core.vector_store import Fingerprint
from rag_workloads.embedding.engine import Direction, Lane, Token, Unsupported, shorten
from rag_workloads.embedding.settings import EmbeddingSettings


class RemoteEngine:
    """A text-embeddings-inference server; it orders and batches by itself, so lanes make no difference."""

    def __init__(self, client: EmbeddingClient, fingerprint: Fingerprint, info: dict[str, Any]) -> None:
        self.fingerprint = fingerprint
        self._client, self._info = client, info

    @classmethod
    async def start(cls, settings: EmbeddingSettings) -> "RemoteEngine":
        """Ask the server who it is; its model id stands for its weights if it does not name them."""
        key = settings.engine_api_key
        client = EmbeddingClient(settings.engine_url, key.get_secret_value() if key else None)
        info = await client.info()
        probe = await client.embed(["dimension"])
        dimension = settings.dimensions or probe.shape[1]
        weights = info.get("model_sha") or info.get("model_id") or "unknown"
        return cls(client, Fingerprint(settings.embedding_model, weights, dimension), info)

    async def embed(
        self, texts: list[str], lane: Lane, truncate: bool = True, direction: Direction = "right"
    ) -> NDArray[np.float32]:
        """As `Engine.embed`, in parts as large as the server takes; errors are EmbeddingClient's."""
        size = int(self._info.get("max_client_batch_size") or 32)
        parts = [texts[at : at + size] for at in range(0, len(texts), size)]
        vectors = await asyncio.gather(*(self._client.embed(part) for part in parts))
        return shorten(np.concatenate(vectors), self.fingerprint.dimension)

    async def tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[Token]]:
        """Not offered."""
        raise Unsupported("tokens are not available from an external engine")

    def info(self) -> dict[str, Any]:
        """What the server says of itself."""
        return self._info

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
