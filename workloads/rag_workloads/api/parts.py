"""Everything that the API talks to, opened once."""

from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends, Request

from rag_contract.environment.api import ApiSettings
from rag_workloads.api.admission import Admission
from rag_workloads.api.idempotency import Idempotency
from rag_workloads.api.rate_limits import RateLimits
from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.clients.llm import LlmClient
from rag_workloads.library.events import EventStream
from rag_workloads.library.files import ObjectStore
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.listeners import Listeners
from rag_workloads.library.upload_batches import UploadBatches


@dataclass(frozen=True)
class Parts:
    """The library, clients of the other parts of the pipeline, and the settings."""

    settings: ApiSettings
    library: Library
    files: ObjectStore
    embedding: EmbeddingClient
    llm: LlmClient | None
    rate_limits: RateLimits
    admission: Admission
    listeners: Listeners
    idempotency: Idempotency
    batches: UploadBatches

    @classmethod
    def open(cls, settings: ApiSettings) -> Self:
        """Prepare what connects when it is used: a question needs no Redis, and no files."""
        files = ObjectStore(settings.storage_url)
        library = Library.open(settings, files)
        redis_url = settings.redis_url.get_secret_value()
        return cls(
            settings,
            library,
            files,
            EmbeddingClient(settings.embedding_url),
            LlmClient(settings.llm_url, settings.answer_seconds) if settings.llm_url else None,
            RateLimits.open(redis_url, settings.pipeline),
            Admission(settings, library.queue, files),
            Listeners(EventStream.open(redis_url, settings.pipeline), settings.max_event_streams),
            Idempotency(library.queue.redis, settings.pipeline),
            UploadBatches(library.queue.redis, settings.pipeline),
        )

    async def close(self) -> None:
        """Close all connections."""
        for part in (self.embedding, self.llm, self.rate_limits, self.listeners, self.library):
            if part is not None:
                await part.close()


def parts_of(request: Request) -> Parts:
    """A dependency: the parts of the app that serves this request."""
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(parts_of)]
