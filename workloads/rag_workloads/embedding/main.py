"""The embedding service's process: engine, queue consumer and HTTP server in one event loop."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from functools import partial

import structlog
from fastapi import FastAPI

from rag_contract import names
from rag_contract.environment.embedding import EmbeddingSettings
from rag_contract.index import revision_of
from rag_contract.limits import EMBEDDING_SECONDS
from rag_contract.stats import ProblemComponent
from rag_workloads import tasks
from rag_workloads.embedding.consumer import BatchConsumer
from rag_workloads.embedding.engine import Engine, Lane, Refused, Unsupported
from rag_workloads.embedding.engines import start_engine
from rag_workloads.embedding.routes import Routes
from rag_workloads.embedding.tei_errors import TeiError
from rag_workloads.jobs.consumer import Consumer
from rag_workloads.jobs.queue import EMBED_BATCH
from rag_workloads.jobs.redis_errors import AWAY
from rag_workloads.library.collections import CollectionMissing, CollectionRefused
from rag_workloads.library.gate import Gate, Probe
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.problems import Problems
from rag_workloads.library.records import StoreRefused
from rag_workloads.web import logs, service
from rag_workloads.web.auth import Guard
from rag_workloads.web.start import Start

# Of a request: many texts.
BODY_BYTES = 8 << 20

# What only a human can mend: the process ends and says so.
REFUSALS = CollectionRefused, StoreRefused, Unsupported
# What ends the gate's watch, and the process with it.
FATAL = CollectionRefused, Refused

log = structlog.get_logger(__name__)


class EmbeddingService:
    """What runs between start and stop of the process. Probes are answered while the model loads."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        self._settings = settings
        self._library = Library.open(settings, files=None)
        self.guard = Guard.open(settings, os.environ)
        self._engine: Engine | None = None
        self._owns_collection = False
        self._consumer: Consumer | None = None
        self._running: list[asyncio.Task[None]] = []
        self._problems = Problems(self._library.queue.redis, settings.pipeline)
        self._start = Start(partial(self._problems.tell_start, "embedding"), *REFUSALS)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Start beside the server, and consume until it stops."""
        self._running = [asyncio.create_task(self._run())]
        yield
        await self.drain()
        await tasks.end(*self._running)
        if self._engine:
            await self._engine.close()
        await self._library.close()
        await self.guard.close()

    def engine(self) -> Engine:
        """The engine; TeiError Unhealthy until it runs and the collection is known to be its own."""
        if self._engine is None or not self._owns_collection:
            raise TeiError("Unhealthy", self._start.reason)
        return self._engine

    def alive(self) -> None:
        """Raise if the consumer or its gate has broken off: only a new process takes them up again."""
        tasks.check(*self._running)

    async def ready(self) -> None:
        """Raise until the engine runs and the collection is its own: all that a question needs."""
        if not self._owns_collection:
            raise RuntimeError(self._start.reason)

    async def answers(self) -> None:
        """As `ready`, and raise if the engine, which may run elsewhere, could not be asked now."""
        await self.ready()
        await self.engine().ready()

    def refusal(self) -> str | None:
        """Why the process cannot go on, in words for a human; None while it can."""
        return tasks.refusal(REFUSALS, *self._running)

    async def drain(self) -> None:
        """Finish the running batches and take no more."""
        if self._consumer:
            await self._consumer.drain(self._settings.shutdown_grace_seconds)

    async def _run(self) -> None:
        engine = await self._start.take("The model is loading.", self._load)
        await self._start.take("Redis did not answer yet.", self._claim)
        gate = self._gate(engine)
        self._consumer = self._consumer_of(engine, gate)
        self._running.append(asyncio.create_task(gate.watch(self._consumer)))
        log.info("consuming", model=self._settings.embedding_model)
        await self._consumer.consume()

    async def _load(self) -> Engine:
        """Start the engine, with the commit that the collection was made with, and see whose that is."""
        settings, vectors = self._settings, self._library.vectors
        if self._engine is None:
            revision = "" if settings.model_path else await vectors.revision()
            self._engine = await start_engine(settings, revision)
        await self._own_collection(self._engine)
        self._owns_collection = True
        return self._engine

    async def _own_collection(self, engine: Engine) -> None:
        """Without Redis, where the collection is there: a question needs none."""
        try:
            await self._library.vectors.ensure(engine.fingerprint, create=False)
        except CollectionMissing:
            await self._admit()
            await self._library.vectors.ensure(engine.fingerprint)

    async def _admit(self) -> None:
        """IndexUnknown if the index is wanted no more. While Redis is away, a first one is taken for new."""
        try:
            await self._library.indexes.admit(self._settings.pipeline)
        except AWAY:
            if revision_of(self._settings.pipeline):
                raise

    async def _claim(self) -> None:
        await self._library.claim(self._settings.owner)

    def _gate(self, engine: Engine) -> Gate:
        async def ask_store() -> None:
            # It may have come back empty, or as another's.
            await self._own_collection(engine)

        async def ask_engine() -> None:
            await engine.embed(["Is it back?"], Lane.QUERY)

        async def ask_redis() -> None:
            await self._library.queue.depths()

        probes: dict[ProblemComponent, Probe] = {
            "redis": ask_redis,
            "vector-store": ask_store,
            "embedding": ask_engine,
        }
        return Gate(probes, self._problems, fatal=FATAL)

    def _consumer_of(self, engine: Engine, gate: Gate) -> Consumer:
        settings = self._settings
        return Consumer(
            self._library.queue,
            names.embed_queue(settings.pipeline),
            EMBED_BATCH,
            BatchConsumer(engine, self._library, gate, settings.retries).embed_batch,
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
    app.state.guard = embedding.guard
    Routes(settings, embedding.engine, embedding.answers).install(app)
    service.serve(app, settings, embedding.drain, refusal=embedding.refusal, last_seconds=EMBEDDING_SECONDS)
