"""What embeds: the model in this process, or a text-embeddings-inference server elsewhere."""

import asyncio
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag_workloads.core.embedding_client import EmbeddingClient
from rag_workloads.core.vector_store import Fingerprint
from rag_workloads.embedding.cpus import usable_cpus
from rag_workloads.embedding.lanes import Lane, Lanes
from rag_workloads.embedding.model import Direction, Model, Token
from rag_workloads.embedding.model_files import ModelFiles
from rag_workloads.embedding.settings import EmbeddingSettings

# Texts that may wait in the query lane: about ten seconds of work for two cores.
MAX_WAITING = 2048


class Unsupported(ValueError):
    """This engine cannot do what was asked."""


class Engine(Protocol):
    """Made by `start`, ended by `close`."""

    fingerprint: Fingerprint

    async def embed(
        self, texts: list[str], lane: Lane, truncate: bool = True, direction: Direction = "right"
    ) -> NDArray[np.float32]:
        """Unit vectors [texts, fingerprint.dimension], in order."""

    async def tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[Token]]:
        """The tokens of each text."""

    def info(self) -> dict[str, Any]:
        """What /info says of the engine."""

    async def close(self) -> None:
        """Stop work and free what is held."""


class LocalEngine:
    """The model in this process."""

    def __init__(self, settings: EmbeddingSettings, model: Model) -> None:
        dimension = settings.dimensions or model.dimension
        if dimension > model.dimension:
            raise Unsupported(f"DIMENSIONS is {dimension}, the model's vectors have {model.dimension}")
        self.fingerprint = Fingerprint(settings.embedding_model, model.fingerprint, dimension)
        self._model = model
        self._lanes = Lanes(model, settings.max_batch_tokens, MAX_WAITING)

    @classmethod
    async def start(cls, settings: EmbeddingSettings) -> "LocalEngine":
        """Load the model off the event loop."""

        def load() -> Model:
            files = ModelFiles.locate(settings.model_path, settings.embedding_model)
            return Model(files, settings.precision, usable_cpus())

        return cls(settings, await asyncio.to_thread(load))

    async def embed(
        self, texts: list[str], lane: Lane, truncate: bool = True, direction: Direction = "right"
    ) -> NDArray[np.float32]:
        """As `Engine.embed`; Overloaded or InputTooLong if the texts are not taken."""
        vectors = await self._lanes.embed(texts, lane, truncate, direction)
        return shorten(vectors, self.fingerprint.dimension)

    async def tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[Token]]:
        """As `Engine.tokenize`."""

        def explain() -> list[list[Token]]:
            return [self._model.explain(text, add_special_tokens) for text in texts]

        return await asyncio.to_thread(explain)

    def info(self) -> dict[str, Any]:
        """The model's limits, and how it runs."""
        return {
            "model_dtype": {"bf16": "bfloat16", "f32": "float32"}[self._model.precision],
            "max_input_length": self._model.max_tokens,
            "streams": self._model.streams,
        }

    async def close(self) -> None:
        """Stop the lanes."""
        await self._lanes.close()


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


async def start_engine(settings: EmbeddingSettings) -> Engine:
    """The engine that the settings name."""
    if settings.engine == "tei":
        return await RemoteEngine.start(settings)
    return await LocalEngine.start(settings)


def shorten(vectors: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """The first `dimension` numbers of each vector, scaled to unit length again."""
    if dimension == vectors.shape[1]:
        return vectors
    if dimension > vectors.shape[1]:
        raise Unsupported(f"dimensions must be at most {vectors.shape[1]}. Given: {dimension}")
    short = vectors[:, :dimension]
    unit: NDArray[np.float32] = short / np.linalg.norm(short, axis=1, keepdims=True)
    return unit
