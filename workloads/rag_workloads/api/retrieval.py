"""Finding chunks: search by meaning and by words, rank anew; failures name the part that is down."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import httpx2
import numpy as np
import structlog
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError
from numpy.typing import NDArray
from pydantic import BaseModel

from rag_contract.environment.api import ApiSettings
from rag_contract.retrieval import Mode
from rag_workloads import tracing
from rag_workloads.api.passages import Passage, widen
from rag_workloads.api.ranking import by_sentences, distinct, ranked
from rag_workloads.api.stopwatch import Stopwatch
from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.clients.rerank import RerankClient, RerankerAway
from rag_workloads.library.collections import VectorStoreError
from rag_workloads.library.points import Hit, StoredChunk
from rag_workloads.library.searches import ANYWHERE, Query, Where
from rag_workloads.library.vectors import VectorStore
from rag_workloads.text.bm25 import Weights, weigh_question
from rag_workloads.web.problems import Unavailable

# The client itself waits longer for a busy service; someone who asks a question does not.
EMBED_SECONDS = 10

NO_WORDS = "The collection has no words to search by: an earlier release made it. It was searched by meaning."
RERANKER_AWAY = "The server that ranks passages anew did not answer: they are ranked without it."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, where, and how: `neighbours` widen a chunk by so many before and after it."""

    text: str
    top_k: int
    mode: Mode = "hybrid"
    where: Where = ANYWHERE
    rerank: bool = True
    neighbours: int = 0


class Report(BaseModel):
    """How passages were found: by which mode, and what ranked them anew, if anything did.

    `notes` say what was to be otherwise, and why it was not.
    """

    mode: Mode
    rerank: Literal["sentences", "server"] | None = None
    notes: list[str] = []


@dataclass(frozen=True)
class Found:
    """A question with its vector [dimension], the passages that were found, best first, and how.

    Where `shows_scores` is false, no score leaves the pipeline.
    """

    search: Search
    vector: NDArray[np.float32]
    passages: list[Passage]
    report: Report
    shows_scores: bool = True
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def hits(self) -> list[Hit]:
        """The chunks of the passages that were found themselves."""
        return [passage.hit for passage in self.passages]


class Retrieval:
    """Finds chunks. Raises Unavailable for "embedding" or "vector-store"."""

    def __init__(
        self,
        embedding: EmbeddingClient,
        vectors: VectorStore,
        settings: ApiSettings,
        reranker: RerankClient | None = None,
    ) -> None:
        self._embedding, self._vectors, self._reranker = embedding, vectors, reranker
        self._settings = settings

    async def search(self, search: Search) -> Found:
        """The passages that bear on a question most."""
        watch, report = Stopwatch(), Report(mode=search.mode)
        with watch.time("embedding") as span, tracing.current(span):
            (vector,) = await self.embed([search.text])
        with watch.time("search") as span, tracing.current(span), self._store("search"):
            hits = await self._candidates(search, vector, report)
        with watch.time("ranking") as span, tracing.current(span):
            if search.rerank:
                hits = await self._rerank(search.text, vector, hits, report)
            hits = await asyncio.to_thread(distinct, hits, search.top_k)
        passages = widen(hits, await self._near(hits, search.neighbours), search.neighbours)
        return Found(search, vector, passages, report, self._settings.retrieval_scores, watch.seconds)

    async def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit vectors [texts, dimension]."""
        try:
            async with asyncio.timeout(EMBED_SECONDS):
                return await self._embedding.embed(texts)
        except (HfHubHTTPError, InferenceTimeoutError, httpx2.HTTPError, TimeoutError) as error:
            raise Unavailable("embedding", str(error) or "no answer in time") from error

    async def _candidates(self, search: Search, vector: NDArray[np.float32], report: Report) -> list[Hit]:
        words: Weights = {}
        if search.mode != "dense":
            if await self._vectors.has_words():
                words = await asyncio.to_thread(weigh_question, search.text)
            else:
                report.mode, report.notes = "dense", [NO_WORDS]
        limit = max(self._settings.retrieval_candidates, search.top_k)
        threshold = self._settings.retrieval_score_threshold
        return await self._vectors.find(Query(vector, limit, words, report.mode, threshold, search.where))

    async def _near(self, hits: list[Hit], reach: int) -> dict[str, StoredChunk]:
        if not reach or not hits:
            return {}
        with self._store("neighbours"):
            return await self._vectors.around(hits, reach)

    async def _rerank(
        self, question: str, vector: NDArray[np.float32], hits: list[Hit], report: Report
    ) -> list[Hit]:
        """Rank by the server if there is one and it answers, else by sentences if all hits have theirs."""
        if self._reranker and hits:
            try:
                scores = await self._reranker.score(question, [hit.context + hit.text for hit in hits])
            except RerankerAway as error:
                log.warning("reranker away", reason=str(error))
                report.notes.append(RERANKER_AWAY)
            else:
                report.rerank = "server"
                return ranked(hits, scores)
        by_meaning = by_sentences(vector, hits)
        if by_meaning is None:
            return hits
        report.rerank = "sentences"
        return by_meaning

    @contextlib.contextmanager
    def _store(self, operation: str) -> Iterator[None]:
        """A call to the vector store, whose failure is a problem."""
        with tracing.vector_store(operation, self._vectors.collection), vector_store_errors():
            yield


@contextlib.contextmanager
def vector_store_errors() -> Iterator[None]:
    """Failures of Qdrant as problems."""
    try:
        yield
    except VectorStoreError as error:
        raise Unavailable("vector-store", str(error)) from error
