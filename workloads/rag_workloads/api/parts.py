"""Everything that the API talks to, opened once."""

from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends, Request

from rag_contract.environment.api import ApiSettings
from rag_workloads.api.rate_limits import RateLimits
from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.clients.llm import LlmClient
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.files import ObjectStore
from rag_workloads.library.records import DocumentStore
from rag_workloads.library.vectors import VectorStore


@dataclass(frozen=True)
class Parts:
    """Clients of the other parts of the pipeline, and the settings."""

    settings: ApiSettings
    queue: Queue
    documents: DocumentStore
    objects: ObjectStore
    vectors: VectorStore
    embedding: EmbeddingClient
    llm: LlmClient | None
    rate_limits: RateLimits

    @classmethod
    async def open(cls, settings: ApiSettings) -> Self:
        """Sweep the object store, and prepare what connects when it is used: a question needs no Redis."""
        redis_url = settings.redis_url.get_secret_value()
        queue = Queue.open(redis_url, settings.pipeline)
        objects = ObjectStore(settings.storage_url)
        await objects.sweep()
        key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
        return cls(
            settings,
            queue,
            DocumentStore(queue.redis, settings.pipeline),
            objects,
            VectorStore(settings.qdrant_url, key, settings.qdrant_collection),
            EmbeddingClient(settings.embedding_url),
            LlmClient(settings.llm_url) if settings.llm_url else None,
            RateLimits.open(redis_url, settings.pipeline),
        )

    async def close(self) -> None:
        """Close all connections."""
        for part in (self.embedding, self.llm, self.vectors, self.rate_limits, self.queue):
            if part is not None:
                await part.close()


def parts_of(request: Request) -> Parts:
    """A dependency: the parts of the app that serves this request."""
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(parts_of)]
