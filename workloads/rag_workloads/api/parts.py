"""Everything that the API talks to, opened once."""

from dataclasses import dataclass, replace
from typing import Self

from rag_contract.environment.api import ApiSettings
from rag_contract.index import Index, pipeline_of
from rag_workloads.api.admission import Admission
from rag_workloads.api.idempotency import Idempotency
from rag_workloads.api.retrieval import Retrieval
from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.clients.llm import LlmClient
from rag_workloads.clients.rerank import RerankClient
from rag_workloads.library.events import EventStream
from rag_workloads.library.files import ObjectStore
from rag_workloads.library.following import Follower
from rag_workloads.library.indexes import Known
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.listeners import Listeners
from rag_workloads.library.upload_batches import UploadBatches


@dataclass(frozen=True)
class Parts:
    """The library of one index, clients of the other parts of the pipeline, and the settings."""

    settings: ApiSettings
    index: Index
    library: Library
    files: ObjectStore
    embedding: EmbeddingClient
    llm: LlmClient | None
    reranker: RerankClient | None
    admission: Admission
    listeners: Listeners
    idempotency: Idempotency
    batches: UploadBatches

    @classmethod
    def open(cls, settings: ApiSettings) -> Self:
        """Prepare what connects when it is used: a question needs no Redis, and no files."""
        files = ObjectStore(settings.storage_url)
        library = Library.open(settings, files)
        redis_url, pipeline = settings.redis_url.get_secret_value(), pipeline_of(settings.pipeline)
        index = Index(
            id=settings.pipeline,
            collection=settings.qdrant_collection,
            embedding_url=settings.embedding_url,
            embedding_model=settings.embedding_model,
        )
        return cls(
            settings,
            index,
            library,
            files,
            EmbeddingClient(index.embedding_url),
            LlmClient(settings.llm_url) if settings.llm_url else None,
            RerankClient.open(settings),
            Admission(settings, library.queue, files),
            Listeners(EventStream.open(redis_url, index.id), settings.max_event_streams),
            Idempotency(library.queue.redis, pipeline),
            UploadBatches(library.queue.redis, pipeline),
        )

    def around(self, index: Index) -> Self:
        """The same for another index of the pipeline."""
        library, settings = self.library.beside(index), self.settings
        stream = EventStream.open(settings.redis_url.get_secret_value(), index.id)
        return replace(
            self,
            index=index,
            library=library,
            embedding=EmbeddingClient(index.embedding_url),
            admission=Admission(settings, library.queue, self.files),
            listeners=Listeners(stream, settings.max_event_streams),
        )

    @property
    def retrieval(self) -> Retrieval:
        """How the index is searched."""
        return Retrieval(self.embedding, self.library.vectors, self.settings, self.reranker)

    def follower(self, known: Known) -> Follower | None:
        """The records of the index that follows this one, if one does."""
        follower = known.follower
        return Follower(self.library.beside(follower), follower, self.index) if follower else None

    async def close_index(self) -> None:
        """Close what only this index needs."""
        await self.embedding.close()
        await self.listeners.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.close_index()
        for part in (self.llm, self.reranker, self.library):
            if part is not None:
                await part.close()
