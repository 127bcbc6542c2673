"""What embedding needs goes away and comes back, seen from documents and from those who watch."""

import contextlib
import uuid
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from tenacity import stop_after_attempt
from tests.integration.batches import batch, begin
from tests.integration.conftest import MODEL
from tests.integration.service_process import running
from tests.integration.tei_server import running_tei_server
from tests.patience import PATIENCE_SECONDS, until
from tests.ports import free_port

from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads.embedding.main import EmbeddingService
from rag_workloads.library import gate
from rag_workloads.library.documents import State
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.problems import Problems

PAUSED = 'consuming_paused{component="vector-store"}'


async def test_documents_wait_while_qdrant_is_away(
    redis_server: str, model_folder: Path, tmp_path: Path
) -> None:
    port, service_port = free_port(), free_port()
    store, url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{service_port}"
    settings = EmbeddingSettings(
        pipeline="tests.outage",
        redis_url=redis_server,
        qdrant_url=store,
        qdrant_collection=f"c-{uuid.uuid4().hex}",
        embedding_model=MODEL,
    )
    env = {
        "PIPELINE": settings.pipeline,
        "REDIS_URL": redis_server,
        "QDRANT_URL": store,
        "QDRANT_COLLECTION": settings.qdrant_collection,
        "EMBEDDING_MODEL": MODEL,
        "MODEL_PATH": str(model_folder),
        "HOST": "127.0.0.1",
        "PORT": str(service_port),
    }
    qdrant = {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__HTTP_PORT": str(port),
        "QDRANT__STORAGE__STORAGE_PATH": str(tmp_path),
    }
    library = Library.open(settings, files=None)
    problems = Problems(library.queue.redis, settings.pipeline)

    async def reported() -> bool:
        return [problem.reason for problem in await problems.now()] == ["VectorStoreAway"]

    async def completed() -> bool:
        return (await library.records.counts())[State.COMPLETED] == 1

    async def paused() -> str:
        lines = (await http.get("/metrics")).text.splitlines()
        return next(line for line in lines if line.startswith(PAUSED))

    async with (
        httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http,
        contextlib.AsyncExitStack() as service,
    ):
        with running("rag_standins.embedded_qdrant", env=qdrant, probe=f"{store}/readyz"):
            service.enter_context(running("rag_workloads.embedding", env=env, probe=f"{url}/ready"))
        document = await begin(library, "patient")
        await library.progress(document, batches=1, chunks=1)
        await library.queue.enqueue_batch(batch(document, 0, ["some words"]))
        await until(reported)
        assert await paused() == f"{PAUSED} 1.0"
        assert [(await http.get(probe)).status_code for probe in ("/ready", "/live")] == [200, 200]
        with running("rag_standins.embedded_qdrant", env=qdrant, probe=f"{store}/readyz"):
            await until(completed)
            assert await paused() == f"{PAUSED} 0.0"
            assert await problems.now() == []
    await library.close()


@pytest.mark.parametrize(("status", "reason"), [(429, "Overloaded"), (502, "EngineAway")])
async def test_documents_wait_while_an_external_engine_is_busy_or_away(
    redis_server: str, qdrant_url: str, monkeypatch: pytest.MonkeyPatch, status: int, reason: str
) -> None:
    patience = "rag_workloads.clients.embedding.EmbeddingClient._embed.retry.stop"
    monkeypatch.setattr(patience, stop_after_attempt(1))
    monkeypatch.setattr(gate, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(gate, "LAST_PAUSE_SECONDS", 0.1)
    with running_tei_server() as tei:
        settings = EmbeddingSettings(
            pipeline=f"tests.outage.{status}",
            redis_url=redis_server,
            qdrant_url=qdrant_url,
            qdrant_collection=f"c-{uuid.uuid4().hex}",
            embedding_model="none",
            engine="tei",
            engine_url=tei.url,
            retries=0,
        )
        library = Library.open(settings, files=None)
        problems = Problems(library.queue.redis, settings.pipeline)
        service = EmbeddingService(settings)

        async def started() -> bool:
            service.alive()
            with contextlib.suppress(RuntimeError):
                await service.ready()
                return True
            return False

        async def reported() -> bool:
            return [each.reason for each in await problems.now()] == [reason]

        async def asked_often() -> bool:
            return tei.refused > 5

        async def completed() -> bool:
            return (await library.records.counts())[State.COMPLETED] == 1

        def paused() -> float | None:
            return REGISTRY.get_sample_value("consuming_paused", {"component": "embedding"})

        async with service.lifespan(FastAPI()):
            await until(started)
            tei.status = status
            document = await begin(library, "patient")
            await library.progress(document, batches=1, chunks=1)
            await library.queue.enqueue_batch(batch(document, 0, ["some words"]))
            await until(reported)
            await until(asked_often)
            assert paused() == 1
            tei.status = 200
            await until(completed)
            assert paused() == 0
            assert await problems.now() == []
        await library.close()
