"""Documents through the worker: real PDFs, a real Redis, a real object store, a real tokenizer."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgpack
import pymupdf
import pytest
from tests.data import DATA
from tests.integration.conftest import PIPELINE
from tests.integration.outages import Outages
from tests.integration.redis_process import redis_process
from tests.integration.service_process import running, start
from tests.nested_pdf import PAINT, nested_pdf
from tests.patience import PATIENCE_SECONDS, eventually, until
from tests.ports import free_port
from tests.records import batch, new_document

from rag_contract.environment.worker import WorkerSettings
from rag_workloads import tasks
from rag_workloads.jobs.consumer import RetryLater
from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.library import recovery, sweep
from rag_workloads.library.documents import Document, DocumentError, ErrorCode, Layout, State
from rag_workloads.library.files import ObjectStore, document_key
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.records import Target
from rag_workloads.worker import housekeeping
from rag_workloads.worker.attempts import Attempts
from rag_workloads.worker.measure import load_measure
from rag_workloads.worker.pages import Pages
from rag_workloads.worker.parser import Parser, Reading, TimeBudget
from rag_workloads.worker.process_document import DocumentProcessor

LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=4)
# Of a process that reads: less than anything needs here, and no machine has less.
MEMORY = 256 << 20
SENTENCE = "A package must declare its dependencies before it is uploaded to the archive. "


def pdf(pages: int) -> bytes:
    document = pymupdf.open()
    for number in range(1, pages + 1):
        box = pymupdf.Rect(72, 72, 520, 770)
        document.new_page().insert_textbox(box, f"Page {number} begins. " + SENTENCE * 20)
    data: bytes = document.tobytes()
    return data


def sparse_pdf(pages: int) -> bytes:
    """A PDF whose pages have a few words each."""
    document = pymupdf.open()
    for number in range(1, pages + 1):
        document.new_page().insert_text((72, 72), f"Slide {number}.")
    data: bytes = document.tobytes(no_new_id=True)
    return data


def scan() -> bytes:
    document = pymupdf.open()
    document.new_page()
    data: bytes = document.tobytes()
    return data


@pytest.fixture
def settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return worker_settings.model_copy(update={"batch_size": 4, "retries": 1})


def worker_env(settings: WorkerSettings, port: int) -> dict[str, str]:
    """The environment of a worker's process; it would drain for minutes."""
    return {
        "PIPELINE": PIPELINE,
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "QDRANT_URL": settings.qdrant_url,
        "QDRANT_COLLECTION": settings.qdrant_collection,
        "STORAGE_URL": settings.storage_url,
        "EMBEDDING_MODEL": settings.embedding_model,
        "MODEL_PATH": str(settings.model_path),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SHUTDOWN_GRACE_SECONDS": "300",
    }


class Bench:
    """A worker's parts, and what a test needs around them."""

    def __init__(self, settings: WorkerSettings, library: Library, files: ObjectStore) -> None:
        self.settings, self.library, self.files = settings, library, files
        self.queue, self.records = library.queue, library.records
        self.outages = Outages(library)
        self.processor = DocumentProcessor(
            settings,
            library,
            files,
            Parser(MEMORY),
            load_measure(settings.model_path, settings.embedding_model),
            Attempts(library),
            self.outages,
        )

    def set(self, **settings: float) -> None:
        """Go on as a worker with other settings."""
        changed = self.settings.model_copy(update=settings)
        self.processor = dataclasses.replace(self.processor, settings=changed)

    async def upload(
        self, data: bytes, document_id: str = "doc", content_type: str = "application/pdf"
    ) -> Document:
        """Keep a file and begin its record; the job is not queued, tests run it themselves."""

        async def stream() -> AsyncIterator[bytes]:
            yield data

        key = document_key(document_id, f"{document_id}-{hash(data)}")
        await self.files.put(key, stream())
        new = new_document(
            document_id=document_id,
            content_type=content_type,
            size_bytes=len(data),
            sha256=str(hash(data)),
            object_key=key,
        )
        await self.records.begin(new, self.library.target)
        return await self.record(document_id)

    async def process(self, document: Document) -> Document:
        await self.processor.process_document(document.document_id, document.task)
        return await self.record(document.document_id)

    async def wait_for_room(self, document: Document) -> asyncio.Task[None]:
        """Process a document until it waits for room in the embed queue, where one batch is."""
        self.set(max_batches_in_flight=1)
        work = self.processor.process_document(document.document_id, document.task)
        processing = asyncio.create_task(work)
        seen: dict[int, set[datetime]] = defaultdict(set)

        async def waits() -> bool:
            """Whether it noted four times that it is alive, while no page was done."""
            if await self.batches():
                record = await self.record(document.document_id)
                seen[record.pages_done].add(record.updated_at)
            return any(len(times) == 4 for times in seen.values())

        await until(waits, pause=0.02)
        return processing

    async def record(self, document_id: str = "doc") -> Document:
        found = await self.records.get(document_id)
        assert found is not None
        return found

    async def queued(self, document: Document) -> bool:
        """Whether the document's job waits or runs."""
        return (await self.queue.documents_queued([(document.document_id, document.task)]))[0]

    async def forget(self, document: Document) -> None:
        """Take all its jobs off the queues, as a Redis does that forgets."""
        await self.queue.forget(
            document.document_id, document.task, document.generation, document.batches or 0
        )

    async def batches(self) -> list[EmbedBatch]:
        payloads = [
            msgpack.unpackb(await self.queue.redis.get(f"arq:job:{job_id.decode()}"))["a"][0]
            for job_id in await self.queue.redis.zrange(f"{PIPELINE}:embed", 0, -1)
        ]
        return sorted(map(EmbedBatch.from_payload, payloads), key=lambda batch: batch.number)


@pytest.fixture
def bench(settings: WorkerSettings, library: Library, files: ObjectStore) -> Bench:
    return Bench(settings, library, files)


async def test_a_document_becomes_batches_and_a_record_that_knows_them(bench: Bench) -> None:
    after = await bench.process(await bench.upload(pdf(70)))
    batches = await bench.batches()
    chunks = [chunk for batch in batches for chunk in batch.chunks]
    assert (after.state, after.stage) == (State.PROCESSING, "embedding")
    assert (after.pages, after.pages_done, after.progress) == (70, 70, 30)
    assert (after.batches, after.chunks) == (len(batches), len(chunks))
    assert [batch.number for batch in batches] == list(range(len(batches)))
    assert {batch.collection for batch in batches} == {bench.settings.qdrant_collection}
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    for number in range(1, 71):
        assert any(
            f"Page {number} begins." in c.text and number in [page for page, _ in c.page_starts]
            for c in chunks
        )


async def test_an_attempt_goes_on_where_the_one_before_it_was_stopped(bench: Bench) -> None:
    whole = await bench.process(await bench.upload(pdf(70), "whole"))
    expected = [batch.chunks for batch in await bench.batches()]
    await bench.forget(whole)
    document = await bench.upload(pdf(70))
    processing = await bench.wait_for_room(document)
    await tasks.end(processing)
    (first,) = await bench.batches()
    await bench.queue.forget("doc", document.task, document.generation, 1)
    # It is cut as it was begun, whatever the settings have become since.
    bench.set(max_batches_in_flight=64, chunk_size_tokens=50, batch_size=7)
    again = await bench.process(document)
    rest = await bench.batches()
    assert [batch.number for batch in rest] == list(range(1, len(expected)))
    assert [batch.chunks for batch in [first, *rest]] == expected
    assert (again.chunks, again.pages_done, again.attempts) == (whole.chunks, 70, 1)


async def test_little_is_read_again_of_a_document_whose_pages_fill_no_batch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await bench.process(await bench.upload(sparse_pdf(100), "whole"))
    expected = [batch.chunks for batch in await bench.batches()]
    await bench.forget(whole)
    document, turned, turn_to = await bench.upload(sparse_pdf(100)), list[int | None](), Library.turn_to

    async def stop_at_90(library: Library, document: Document, page: int | None) -> None:
        turned.append(page)
        if turned.count(90) == 1 and page == 90:
            raise asyncio.CancelledError
        await turn_to(library, document, page)

    monkeypatch.setattr(Library, "turn_to", stop_at_90)
    with pytest.raises(asyncio.CancelledError):
        await bench.process(document)
    assert await bench.batches() == []
    await bench.process(document)
    assert turned == [*range(1, 91), *range(65, 101)]
    assert [batch.chunks for batch in await bench.batches()] == expected


async def test_an_attempt_after_all_is_queued_queues_nothing(bench: Bench) -> None:
    document = await bench.process(await bench.upload(pdf(20)))
    await bench.forget(document)
    assert await bench.process(document) == (await bench.record())
    assert await bench.batches() == []


async def test_a_document_is_begun_anew_where_an_earlier_release_left_off(bench: Bench) -> None:
    document = await bench.upload(pdf(20))
    processing = await bench.wait_for_room(document)
    await tasks.end(processing)
    await bench.queue.redis.set(f"{PIPELINE}:doc:doc:{document.generation}:cut", "another form")
    bench.set(max_batches_in_flight=64)
    with pytest.raises(RetryLater):
        await bench.process(document)
    again = await bench.process(document)
    assert again.generation > document.generation
    assert again.batches


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
    await bench.files.delete(document.object_key)
    assert (await bench.process(document)).error_code is ErrorCode.OBJECT_MISSING


async def test_a_job_whose_end_got_lost_costs_its_document_nothing(bench: Bench) -> None:
    bench.set(retries=0)
    first = await bench.process(await bench.upload(pdf(2)))
    again = await bench.process(first)
    assert (again.state, again.batches, again.attempts) == (State.PROCESSING, first.batches, 2)


async def test_a_file_that_alone_cannot_be_read_is_tried_again_and_then_fails(bench: Bench) -> None:
    bench.set(retries=2)
    document = await bench.upload(pdf(20))
    await bench.library.take_up("doc", document.task, "an attempt that got far", LAYOUT)
    await bench.library.progress(document, pages=20, pages_done=20)
    # A file that cannot be read while the others can: it links to itself.
    path = Path(urlsplit(bench.settings.storage_url).path, document.object_key)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(RetryLater) as caught:
        await bench.process(document)
    assert caught.value.delay == 60
    again = await bench.record()
    assert (again.state, again.attempts) == (State.PROCESSING, 2)
    after = await bench.process(document)
    assert (after.state, after.error_code, after.attempts) == (State.FAILED, ErrorCode.INTERNAL, 3)
    assert after.progress == 30, "it never goes back"


class Meanwhile(Parser):
    """A parser that fails with `error`, and others do `what` before that is told."""

    def __init__(self, error: Exception, what: Callable[[], Awaitable[object]]) -> None:
        self.error, self.what = error, what

    @contextlib.asynccontextmanager
    async def open(self, path: Path, content_type: str, budget: TimeBudget) -> AsyncIterator[Reading]:
        await self.what()
        raise self.error
        yield


@pytest.mark.parametrize(
    "error", [DocumentError(ErrorCode.PARSE_TIMEOUT, "It took too long."), RuntimeError("a bug")]
)
async def test_an_attempt_that_another_has_followed_fails_nothing(bench: Bench, error: Exception) -> None:
    document = await bench.upload(pdf(1))

    async def followed() -> None:
        await bench.library.take_up("doc", document.task, "another worker", LAYOUT)

    bench.set(retries=0)
    bench.processor = dataclasses.replace(bench.processor, parser=Meanwhile(error, followed))
    with pytest.raises(RetryLater):  # of a job that is the other's
        await bench.process(document)
    assert (await bench.record()).holder == "another worker"


async def test_attempts_count_from_where_the_document_last_got_further(bench: Bench) -> None:
    bench.set(retries=2)
    document = await bench.upload(pdf(20))
    for number in range(2):
        await bench.library.take_up("doc", document.task, f"attempt {number}", LAYOUT)

    async def gets_further() -> None:
        record = await bench.record()
        assert record.attempts == 3
        await bench.library.cut(record, [batch(record, 0)])

    bench.processor = dataclasses.replace(
        bench.processor, parser=Meanwhile(RuntimeError("it passes"), gets_further)
    )
    with pytest.raises(RetryLater):
        await bench.process(document)
    assert (await bench.record()).attempts == 1


async def test_a_document_that_is_retried_while_its_failure_is_told_keeps_its_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await bench.upload(b"PK", content_type="application/zip")
    settle = Library.settle

    async def settles_late(library: Library, document_id: str, generation: int) -> None:
        await library.retry(document_id)
        await settle(library, document_id, generation)

    monkeypatch.setattr(Library, "settle", settles_late)
    with pytest.raises(RetryLater) as caught:
        await bench.process(document)
    assert caught.value.delay == 0
    assert (await bench.record()).state is State.PENDING


@contextlib.asynccontextmanager
async def full_redis(bench: Bench) -> AsyncIterator[None]:
    """A Redis that takes no batch."""
    await bench.queue.redis.config_set("maxmemory", 1)
    yield
    await bench.queue.redis.config_set("maxmemory", 0)


@contextlib.asynccontextmanager
async def lost_volume(bench: Bench) -> AsyncIterator[None]:
    """A folder of the files that is not there: each of them is missing."""
    folder = Path(urlsplit(bench.settings.storage_url).path)
    aside = folder.rename(folder.with_name("aside"))
    yield
    aside.rename(folder)


@contextlib.asynccontextmanager
async def broken_volume(bench: Bench) -> AsyncIterator[None]:
    """A folder of the files that is none: each gives an error."""
    async with lost_volume(bench):
        path = Path(urlsplit(bench.settings.storage_url).path)
        path.touch()
        yield
        path.unlink()


@pytest.mark.parametrize(
    ("outage", "component"),
    [(full_redis, "redis"), (lost_volume, "files"), (broken_volume, "files")],
)
async def test_a_store_that_is_away_is_no_fault_of_the_document(
    bench: Bench, outage: Callable[[Bench], AbstractAsyncContextManager[None]], component: str
) -> None:
    document = await bench.upload(pdf(1))
    async with outage(bench):
        for _ in range(3):
            with pytest.raises(RetryLater):
                await bench.process(document)
            assert (await bench.record()).attempts == 0
    assert [told for told, _ in bench.outages.told] == [component] * 3
    assert (await bench.process(document)).attempts == 1


async def test_a_mistake_in_redis_is_no_outage(bench: Bench) -> None:
    document = await bench.upload(pdf(1))
    # A queue that is none: its key is no sorted set any more.
    await bench.queue.redis.set(f"{PIPELINE}:embed", "taken")
    with pytest.raises(RetryLater):
        await bench.process(document)
    assert (await bench.record()).attempts == 1
    assert (await bench.process(document)).error_code is ErrorCode.INTERNAL
    assert bench.outages.told == []


async def test_a_document_of_an_earlier_collection_begins_anew_and_that_of_a_later_one_waits(
    bench: Bench,
) -> None:
    bench.library = dataclasses.replace(bench.library, target=Target(bench.library.target.collection, 2))
    bench.processor = dataclasses.replace(bench.processor, library=bench.library)
    first = await bench.process(await bench.upload(pdf(2)))
    older, newer = (
        dataclasses.replace(bench.library, target=Target(f"revision-{revision}", revision))
        for revision in (1, 3)
    )
    bench.processor = dataclasses.replace(bench.processor, library=older)
    with pytest.raises(RetryLater):
        await bench.process(first)
    assert await bench.record() == first
    bench.processor = dataclasses.replace(bench.processor, library=newer)
    second = await bench.process(first)
    assert second.task == first.task, "the client's task goes on"
    assert second.generation > first.generation
    assert (second.collection, second.revision) == ("revision-3", 3)


async def test_a_document_that_begins_anew_while_it_is_processed_comes_back(bench: Bench) -> None:
    document = await bench.upload(pdf(20))
    processing = await bench.wait_for_room(document)
    await bench.records.restart("doc", document.generation, "token", State.PROCESSING)
    with pytest.raises(RetryLater):
        await processing
    assert (await bench.record()).attempts == 0


@pytest.mark.parametrize(("number", "attempts"), [(signal.SIGKILL, 1), (signal.SIGTERM, 0)])
async def test_a_death_of_the_worker_counts_as_an_attempt_and_a_stop_does_not(
    bench: Bench, number: signal.Signals, attempts: int
) -> None:
    port = free_port()
    env = worker_env(bench.settings, port) | {"MAX_BATCHES_IN_FLIGHT": "1", "SHUTDOWN_GRACE_SECONDS": "0"}
    document = await bench.upload(pdf(20))
    with running("rag_workloads.worker", env=env, probe=f"http://127.0.0.1:{port}/ready") as process:
        await bench.queue.enqueue_document("doc", document.task)
        await until(bench.batches)  # then it waits for room
        process.send_signal(number)
        process.wait(PATIENCE_SECONDS)
    assert (await bench.record()).attempts == attempts
    bench.set(retries=0)
    after = await bench.process(document)
    assert after.error_code == (ErrorCode.PARSE_CRASHED if attempts else None)


async def test_a_document_that_takes_two_workers_down_at_one_page_fails_there(bench: Bench) -> None:
    """However often it may be tried; what kills the worker is the test, as if the page did."""
    document = await bench.upload(nested_pdf(PAINT))

    async def in_hand(attempts: int) -> bool:
        async with bench.queue.redis.pipeline() as pipe:
            pipe.hget(f"{PIPELINE}:doc:doc", "attempt_tokens")
            (tokens,) = await pipe.execute()
        return tokens is not None and [token[-2:] for token in tokens.split()] == [b":2"] * attempts

    for attempts in (1, 2):
        assert (await bench.record()).error_code is None
        port = free_port()
        process = start(
            "rag_workloads.worker",
            env=worker_env(bench.settings, port),
            probe=f"http://127.0.0.1:{port}/ready",
            process_group=0,
        )
        await bench.forget(document)  # of the worker before, which held it
        await bench.queue.enqueue_document("doc", document.task)
        await until(partial(in_hand, attempts))
        os.killpg(process.pid, signal.SIGKILL)  # as the kernel kills all of a container
        process.wait(PATIENCE_SECONDS)
    bench.set(retries=20)
    after = await bench.process(document)
    assert (after.state, after.error_code, after.error_page) == (State.FAILED, ErrorCode.PARSE_CRASHED, 2)


async def test_a_document_that_takes_too_long_fails_with_the_page(bench: Bench) -> None:
    document = await bench.upload(pdf(64))
    bench.set(time_limit_seconds=1e-6)
    assert (await bench.process(document)).error_code is ErrorCode.PARSE_TIMEOUT


async def test_a_full_queue_is_waited_for_and_a_deleted_document_is_not(bench: Bench) -> None:
    processing = await bench.wait_for_room(await bench.upload(pdf(20)))
    assert len(await bench.batches()) == 1
    assert not processing.done()
    assert await bench.library.delete("doc")
    await asyncio.wait_for(processing, PATIENCE_SECONDS)
    assert await bench.batches() == []


async def test_a_document_that_begins_anew_while_it_is_deleted_is_deleted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.upload(pdf(1))
    retire = bench.records.retire

    async def retire_too_late(document_id: str, generation: int) -> bool:
        monkeypatch.setattr(bench.records, "retire", retire)
        await bench.records.restart(document_id, generation, "token", State.PENDING)
        return await retire(document_id, generation)

    monkeypatch.setattr(bench.records, "retire", retire_too_late)
    assert await bench.library.delete("doc")
    assert await bench.records.get("doc") is None
    assert [file async for file in bench.files.documents()] == []


async def test_recovery_queues_a_stalled_document_and_gives_up_in_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "SETTLED_SECONDS", -1)
    document = await bench.upload(pdf(5))
    for recoveries in (1, 2, 3):
        await bench.library.recover()
        assert (await bench.record()).recoveries == recoveries
        await bench.library.recover()
        assert (await bench.record()).recoveries == recoveries, "it is queued, so it is not stalled"
        await bench.forget(document)
    await bench.library.recover()
    assert (await bench.record()).error_code is ErrorCode.INGEST_STALLED


async def test_recovery_leaves_alone_what_is_between_two_steps(bench: Bench) -> None:
    document = await bench.upload(pdf(5))
    await bench.library.recover()
    assert not await bench.queued(document)


async def test_recovery_notices_a_lost_batch_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "SETTLED_SECONDS", -1)
    document = await bench.process(await bench.upload(pdf(20)))
    assert document.batches
    await bench.library.recover()
    assert not await bench.queued(document)
    job_id = f"{PIPELINE}:embed:{document.document_id}.{document.generation}:1"
    assert await bench.queue.redis.zrem(f"{PIPELINE}:embed", job_id)
    await bench.library.recover()
    assert await bench.queued(document)


def die(path: Path, content_type: str, alone: bool) -> Pages:
    """A file that kills the process that opens it."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


async def test_a_parser_that_dies_fails_only_the_document(bench: Bench) -> None:
    bench.processor = dataclasses.replace(bench.processor, parser=Parser(MEMORY, die))
    after = await bench.process(await bench.upload(pdf(1)))
    assert (after.state, after.error_code) == (State.FAILED, ErrorCode.PARSE_CRASHED)


async def test_a_record_that_cannot_be_read_keeps_no_other_from_recovery(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "SETTLED_SECONDS", -1)
    document = await bench.upload(pdf(1))
    async with bench.queue.redis.pipeline() as pipe:
        pipe.hset(f"{PIPELINE}:doc:broken", "state", "pending")
        pipe.zadd(f"{PIPELINE}:docs:work", {"broken": 1})
        await pipe.execute()
    await bench.library.recover()
    assert await bench.queued(document)


async def test_housekeeping_goes_on_after_an_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "SETTLED_SECONDS", -1)
    monkeypatch.setattr(housekeeping, "RECOVERY_SECONDS", 0.001)
    monkeypatch.setattr(housekeeping, "TICK_SECONDS", 0.01)
    document = await bench.upload(pdf(1))
    left = f"{PIPELINE}:docs:work"
    await bench.queue.redis.rename(left, "aside")
    await bench.queue.redis.set(left, "no index")
    running = asyncio.create_task(housekeeping.run(bench.library, 0))
    await until(bench.library.chores.sweep_report)  # it has had a first look
    await bench.queue.redis.rename("aside", left)
    assert await until(lambda: bench.queued(document))
    assert not running.done()
    await tasks.end(running)


async def test_a_sweep_that_breaks_off_is_still_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in [("ANSWER_SECONDS", 0.001), ("TICK_SECONDS", 0.01), ("RECOVERY_SECONDS", 3600)]:
        monkeypatch.setattr(housekeeping, name, seconds)
    await bench.library.chores.turn("sweep", 3600)  # the hourly one is not due
    sweeps: list[bool] = []

    async def breaks_off_once(_: Library, *, asked: bool) -> None:
        sweeps.append(asked)
        if len(sweeps) == 1:
            raise RuntimeError("Qdrant is away")

    monkeypatch.setattr(sweep, "sweep", breaks_off_once)
    await bench.library.chores.ask_for_sweep()
    running = asyncio.create_task(housekeeping.run(bench.library, 0))

    async def answered() -> bool:
        return await bench.library.chores.sweep_asked() is None

    await until(answered)
    await tasks.end(running)
    assert sweeps == [True, True]


async def test_the_process_takes_jobs_and_obeys_sigterm(bench: Bench) -> None:
    port = free_port()
    env = worker_env(bench.settings, port)
    document = await bench.upload(pdf(3))
    with running("rag_workloads.worker", env=env, probe=f"http://127.0.0.1:{port}/ready") as process:
        await bench.queue.enqueue_document("doc", document.task)

        async def counted() -> int | None:
            return (await bench.record()).batches

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
    env = worker_env(bench.settings, port)
    with running("rag_workloads.worker", env=env, probe=f"{url}/ready"):
        await bench.queue.redis.zadd(f"{PIPELINE}:ingest", {b"\xff no job id": 1})
        answer = await asyncio.to_thread(eventually, lambda: unready(url))
        assert answer.status_code == 503
        assert "can't decode byte 0xff" in answer.json()["detail"]


def wait_for_an_attempt(port: int) -> None:
    """Return once somebody has tried to connect to a port where nobody answers."""
    with socket.create_server(("127.0.0.1", port)) as nobody:
        nobody.settimeout(PATIENCE_SECONDS)
        nobody.accept()[0].close()


def test_a_worker_that_lost_redis_stops_when_it_is_told_to(settings: WorkerSettings) -> None:
    port = free_port()
    with contextlib.ExitStack() as stack:
        with redis_process() as redis:
            env = worker_env(settings, port) | {"REDIS_URL": redis.connection_url}
            probe = f"http://127.0.0.1:{port}/ready"
            worker = stack.enter_context(running("rag_workloads.worker", env=env, probe=probe))
            lost = redis.port
        wait_for_an_attempt(lost)
        worker.terminate()
        assert worker.wait(PATIENCE_SECONDS) == -signal.SIGTERM


def test_a_worker_that_waits_for_redis_stops_when_it_is_told_to(settings: WorkerSettings) -> None:
    nowhere = free_port()
    env = worker_env(settings, free_port()) | {"REDIS_URL": f"redis://127.0.0.1:{nowhere}/0"}
    worker = subprocess.Popen(
        [sys.executable, "-m", "rag_workloads.worker"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env},
    )
    wait_for_an_attempt(nowhere)
    assert worker.poll() is None
    worker.terminate()
    assert worker.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)
