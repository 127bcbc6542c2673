"""Finding chunks: embed the question, search; failures name the part that is down."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import numpy as np
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError
from numpy.typing import NDArray

from rag_workloads import tracing
from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.library.collections import VectorStoreError
from rag_workloads.library.vectors import Hit, VectorStore
from rag_workloads.web.problems import Unavailable

# The client itself waits longer for a busy service; someone who asks a question does not.
EMBED_SECONDS = 10


@dataclass(frozen=True)
class Found:
    """A question with its vector [dimension], and the chunks nearest to it, best first."""

    question: str
    vector: NDArray[np.float32]
    hits: list[Hit]


class Retrieval:
    """Searches by meaning. Raises Unavailable for "embedding" or "vector-store"."""

    def __init__(self, embedding: EmbeddingClient, vectors: VectorStore, score_threshold: float) -> None:
        self._embedding, self._vectors, self._score_threshold = embedding, vectors, score_threshold

    async def search(self, question: str, top_k: int) -> Found:
        """The chunks nearest to a question."""
        (vector,) = await self.embed([question])
        with vector_store_errors(), tracing.vector_store("search", self._vectors.collection):
            return Found(question, vector, await self._vectors.search(vector, top_k, self._score_threshold))

    async def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit vectors [texts, dimension]."""
        try:
            async with asyncio.timeout(EMBED_SECONDS):
                return await self._embedding.embed(texts)
        except (HfHubHTTPError, InferenceTimeoutError, httpx2.HTTPError, TimeoutError) as error:
            raise Unavailable("embedding", str(error) or "no answer in time") from error


@contextlib.contextmanager
def vector_store_errors() -> Iterator[None]:
    """Failures of Qdrant as problems."""
    try:
        yield
    except VectorStoreError as error:
        raise Unavailable("vector-store", str(error)) from error
