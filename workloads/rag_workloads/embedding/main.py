"""The embedding service's process: engine, queue consumer and HTTP server in one event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from fastapi import FastAPI

from rag_contract import names
from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads import tasks
from rag_workloads.embedding.consumer import BatchConsumer
from rag_workloads.embedding.engine import Engine
from rag_workloads.embedding.engines import start_engine
from rag_workloads.embedding.routes import Routes
from rag_workloads.embedding.tei_errors import TeiError
from rag_workloads.jobs.consumer import Consumer
from rag_workloads.jobs.queue import EMBED_BATCH
from rag_workloads.library.lifecycle import Library
from rag_workloads.web import logs, service

RESTART_SECONDS = 3
# Of a request: many texts.
BODY_BYTES = 8 << 20

log = structlog.get_logger(__name__)


class EmbeddingService:
    """What runs between start and stop of the process. Probes are answered while the model loads."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._owns_collection = False
        self._library: Library | None = None
        self._consumer: Consumer | None = None
        self._running: list[asyncio.Task[None]] = []
        self._reason = "The model is loading."

    @contextlib.asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Start beside the server, and consume until it stops."""
        self._running = [asyncio.create_task(self._run())]
        yield
        await self.drain()
        await tasks.end(*self._running)
        for part in (self._engine, self._library):
            if part:
                await part.close()

    def engine(self) -> Engine:
        """The engine; TeiError Unhealthy until it runs and the collection is known to be its own."""
        if self._engine is None or not self._owns_collection:
            raise TeiError("Unhealthy", self._reason)
        return self._engine

    def alive(self) -> None:
        """Raise if the consumer has broken off: only a new process takes it up again."""
        tasks.check(*self._running)

    async def ready(self) -> None:
        """Raise until the engine runs and the collection is its own, and while Redis or Qdrant is away.

        And if the consumer has broken off.
        """
        if self._consumer is None or self._library is None:
            raise RuntimeError(self._reason)
        self.alive()
        await asyncio.gather(self._library.vectors.ready(), self._library.queue.depths())

    async def drain(self) -> None:
        """Finish the running batches and take no more."""
        if self._consumer:
            await self._consumer.drain(self._settings.shutdown_grace_seconds)

    async def _run(self) -> None:
        """Start, until it works: what is missing may come, and the reason shows in the probes."""
        while self._consumer is None:
            try:
                await self._start()
            except Exception as error:
                self._reason = str(error) or type(error).__name__
                log.error("cannot start yet", reason=self._reason)
                await asyncio.sleep(RESTART_SECONDS)
        log.info("consuming", model=self._settings.embedding_model)
        await self._consumer.consume()

    async def _start(self) -> None:
        settings = self._settings
        if self._engine is None:
            self._engine = await start_engine(settings)
        if self._library is None:
            self._library = Library.open(settings, files=None)
        await self._library.claim(settings.owner)
        await self._library.vectors.ensure(self._engine.fingerprint)
        self._owns_collection = True
        consumer = BatchConsumer(
            self._engine, self._library, settings.batch_timeout_seconds, settings.retries
        )
        self._consumer = Consumer(
            self._library.queue,
            names.embed_queue(settings.pipeline),
            EMBED_BATCH,
            consumer.embed_batch,
            concurrency=settings.concurrency,
        )


def main() -> None:
    """Run until SIGTERM."""
    settings = EmbeddingSettings.read()
    logs.configure(settings.log_level, settings.log_format)
    embedding = EmbeddingService(settings)
    app = service.create_app(
        "embedding", embedding.lifespan, embedding.ready, alive=embedding.alive, body_limit=BODY_BYTES
    )
    Routes(settings, embedding.engine, embedding.ready).install(app)
    service.serve(app, settings, embedding.drain)
