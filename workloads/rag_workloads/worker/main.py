"""The worker's process: the ingest queue's consumer, the recovery loop, and an HTTP server for probes."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from functools import partial
from importlib.util import find_spec

import structlog
from fastapi import FastAPI

from rag_contract import names
from rag_contract.environment.worker import WorkerSettings
from rag_contract.limits import READY_SECONDS
from rag_contract.stats import ProblemComponent
from rag_workloads import tasks
from rag_workloads.jobs.consumer import Consumer
from rag_workloads.jobs.queue import PROCESS_DOCUMENT
from rag_workloads.jobs.redis_errors import AWAY
from rag_workloads.library.files import ObjectStore
from rag_workloads.library.gate import Gate, Probe
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.problems import Problems
from rag_workloads.library.records import StoreRefused
from rag_workloads.web import logs, service
from rag_workloads.web.start import Start
from rag_workloads.worker import housekeeping, memory
from rag_workloads.worker.attempts import Attempts
from rag_workloads.worker.measure import Measure, load_measure
from rag_workloads.worker.parser import Parser
from rag_workloads.worker.process_document import DocumentProcessor

# What text recognition is done by, which only an image of its own has.
OCR_NEEDS = "rapidocr"
NO_OCR = (
    "ingestion.ocr is on, and this worker cannot recognise text: name an image made by worker-ocr.Dockerfile"
    " in images.workerOcr, or install requirements/worker-ocr.txt where the pipeline runs as local processes."
)
# For what is still to be said to Redis when the process stops.
STOP_SECONDS = 2

log = structlog.get_logger(__name__)


class Worker:
    """What runs between start and stop of the process. Probes are answered while it waits for the stores."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._files = ObjectStore(settings.storage_url)
        self._library = Library.open(settings, self._files)
        self._attempts = Attempts(self._library)
        self._problems = Problems(self._library.queue.redis, self._library.queue.pipeline)
        self._start = Start(partial(self._problems.tell_start, "worker"), StoreRefused)
        self._consumer: Consumer | None = None
        self._running: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Start beside the server, and consume until it stops."""
        self._running = [asyncio.create_task(self._run())]
        yield
        await self.drain()
        await tasks.end(*self._running)
        with contextlib.suppress(*AWAY, TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._attempts.settle()
        await self._library.close()

    def alive(self) -> None:
        """Raise if the work has broken off: only a new process takes it up again."""
        tasks.check(*self._running)

    async def ready(self) -> None:
        """Raise while the worker starts, if Redis does not answer, or if the work has broken off."""
        self.alive()
        if self._consumer is None:
            raise RuntimeError(self._start.reason)
        await self._library.queue.depths()

    def refusal(self) -> str | None:
        """Why the process cannot go on, in words for a human; None while it can."""
        return tasks.refusal((StoreRefused,), *self._running)

    async def drain(self) -> None:
        """Finish the running jobs and take no more."""
        if self._consumer:
            await self._consumer.drain(self._settings.shutdown_grace_seconds)

    async def _run(self) -> None:
        await self._start.take("Redis did not answer yet.", self._claim)
        measure = await self._start.take("The tokenizer is loading.", self._measure)
        gate = self._gate()
        self._consumer = self._consumer_of(measure, gate)
        beside = (
            gate.watch(self._consumer),
            housekeeping.run(self._library, self._settings.index_grace_seconds),
        )
        self._running += [asyncio.create_task(each) for each in beside]
        log.info("consuming")
        await self._consumer.consume()

    async def _claim(self) -> None:
        await self._library.admit()
        await self._library.claim(self._settings.owner)
        await self._library.records.index_unfinished()

    async def _measure(self) -> Measure:
        """That of the commit that the collection was made with, of the hub's newest if there is none yet."""
        settings, vectors = self._settings, self._library.vectors
        revision = "" if settings.model_path else await vectors.revision()
        return await asyncio.to_thread(load_measure, settings.model_path, settings.embedding_model, revision)

    def _gate(self) -> Gate:
        """What stops the consumer while something that documents need is away."""
        library = self._library

        async def ask_redis() -> None:
            await library.queue.depths()
            await self._attempts.settle()

        probes: dict[ProblemComponent, Probe] = {
            "redis": ask_redis,
            "vector-store": library.vectors.ready,
            "files": self._files.ready,
        }
        return Gate(probes, self._problems)

    def _consumer_of(self, measure: Measure, gate: Gate) -> Consumer:
        settings = self._settings
        parser = Parser(memory.of_a_reader(settings.concurrency), ocr=settings.ocr)
        processor = DocumentProcessor(
            settings, self._library, self._files, parser, measure, self._attempts, gate
        )
        return Consumer(
            self._library.queue,
            names.ingest_queue(settings.pipeline),
            PROCESS_DOCUMENT,
            processor.process_document,
            concurrency=settings.concurrency,
        )


def main() -> None:
    """Run until SIGTERM."""
    settings = WorkerSettings.read()
    logs.configure(settings.log_level, settings.log_format)
    if settings.ocr and not find_spec(OCR_NEEDS):
        sys.exit(NO_OCR)
    worker = Worker(settings)
    app = service.create_app("worker", worker.lifespan, worker.ready, alive=worker.alive)
    service.serve(app, settings, worker.drain, refusal=worker.refusal, last_seconds=READY_SECONDS)
