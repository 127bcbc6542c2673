"""A worker whose Redis or files go away and come back, seen from documents and from those who watch."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from pydantic import SecretStr
from tests.integration.conftest import PIPELINE
from tests.integration.cutting_proxy import CuttingProxy
from tests.patience import PATIENCE_SECONDS, until

from rag_contract import names
from rag_contract.environment.worker import WorkerSettings
from rag_workloads.jobs import consumer as jobs
from rag_workloads.jobs import leases, queue
from rag_workloads.jobs.consumer import Consumer
from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.jobs.queue import EMBED_BATCH
from rag_workloads.library import gate
from rag_workloads.library.collections import Fingerprint
from rag_workloads.library.documents import Document, NewDocument, State
from rag_workloads.library.files import document_key
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.problems import Problems
from rag_workloads.worker import process_document
from rag_workloads.worker.main import Worker

TEXT = b"A package must declare its dependencies before it is uploaded to the archive. " * 100
OUTAGES = 3


@pytest.fixture
def settings(worker_settings: WorkerSettings) -> WorkerSettings:
    """Fewer attempts than there are outages, and room for one batch: then the worker holds its document."""
    own = {"batch_size": 1, "max_batches_in_flight": 1, "retries": OUTAGES - 2, "shutdown_grace_seconds": 0}
    return worker_settings.model_copy(update=own)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outages are noticed, and documents taken again, sooner than in minutes."""
    monkeypatch.setattr(queue, "REDIS_RETRIES", 1)
    monkeypatch.setattr(jobs, "RENEW_SECONDS", 0.3)
    monkeypatch.setattr(jobs, "Leases", partial(leases.Leases, seconds=1))
    monkeypatch.setattr(process_document, "HAND_BACK_SECONDS", 0.1)
    monkeypatch.setattr(gate, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(gate, "LAST_PAUSE_SECONDS", 0.1)


@contextlib.asynccontextmanager
async def working(settings: WorkerSettings) -> AsyncIterator[None]:
    """A worker in this process."""
    worker = Worker(settings)
    async with worker.lifespan(FastAPI()):
        yield
        worker.alive()


@contextlib.asynccontextmanager
async def embedding(library: Library) -> AsyncIterator[None]:
    """Whoever embeds the batches, without a model."""
    await library.vectors.ensure(Fingerprint("none", "0123456789abcdef", 2))

    async def embed(payload: dict[str, Any]) -> None:
        batch = EmbedBatch.from_payload(payload)
        await library.batch_done(batch, np.ones((len(batch.chunks), 2), np.float32))

    consumer = Consumer(library.queue, names.embed_queue(PIPELINE), EMBED_BATCH, embed, concurrency=1)
    running = asyncio.create_task(consumer.consume())
    yield
    await consumer.drain(PATIENCE_SECONDS)
    await running


async def stored(library: Library) -> NewDocument:
    """A document whose file is there, and that is not begun."""

    async def stream() -> AsyncIterator[bytes]:
        yield TEXT

    assert library.files
    key = document_key("doc", "upload")
    await library.files.put(key, stream())
    return NewDocument(
        document_id="doc",
        file_name="a.txt",
        content_type="text/plain",
        size_bytes=len(TEXT),
        sha256="aa",
        object_key=key,
    )


async def ended(library: Library) -> Document | None:
    """The document, once it has ended."""
    document = await library.records.get("doc")
    assert document
    return None if document.unfinished else document


def metric(name: str, component: str) -> float:
    return REGISTRY.get_sample_value(name, {"component": component}) or 0


async def test_an_outage_of_redis_while_a_worker_holds_a_document_counts_nothing(
    settings: WorkerSettings, library: Library, redis_server: str
) -> None:
    attempts: list[bytes] = []

    async def taken_up() -> bool:
        """Whether the worker has begun another attempt, and waits for room."""
        async with library.queue.redis.pipeline() as pipe:
            pipe.hget(f"{PIPELINE}:doc:doc", "attempt_tokens")
            (tokens,) = await pipe.execute()
        assert await ended(library) is None
        if not tokens or tokens in attempts[-1:] or not (await library.queue.depths()).embed:
            return False
        attempts.append(tokens)
        return True

    def noticed() -> float:
        return metric("dependency_outages_total", "redis")

    async with CuttingProxy(redis_server) as proxy:
        behind_it = settings.model_copy(update={"redis_url": SecretStr(proxy.url)})
        async with working(behind_it):
            await library.begin(await stored(library))
            for _ in range(OUTAGES):
                await until(taken_up)
                before = noticed()
                await proxy.close()

                async def lost(before: float = before) -> bool:
                    return noticed() > before

                await until(lost)
                await proxy.open()
            async with embedding(library):
                document = await until(lambda: ended(library))
    assert [len(tokens.split()) for tokens in attempts] == [1] * OUTAGES, "only the last one counts"
    assert (document.state, document.attempts) == (State.COMPLETED, 1)


@pytest.mark.parametrize("broken", [False, True], ids=["gone", "broken"])
async def test_documents_wait_while_the_files_are_away(
    settings: WorkerSettings, library: Library, tmp_path: Path, *, broken: bool
) -> None:
    problems = Problems(library.queue.redis, PIPELINE)
    folder = tmp_path / "objects"
    new = await stored(library)

    async def reported() -> bool:
        return [(each.component, each.reason) for each in await problems.now()] == [("files", "FilesAway")]

    async with working(settings):
        aside = folder.rename(tmp_path / "aside")
        if broken:
            folder.touch()
        await library.begin(new)
        await until(reported)
        assert metric("consuming_paused", "files") == 1
        folder.unlink(missing_ok=True)
        aside.rename(folder)
        async with embedding(library):
            document = await until(lambda: ended(library))
        assert metric("consuming_paused", "files") == 0
        assert await problems.now() == []
    assert (document.state, document.attempts) == (State.COMPLETED, 1)
