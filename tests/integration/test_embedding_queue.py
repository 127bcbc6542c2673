"""Batches from the queue to points: a real embedding service on a real Redis and Qdrant's engine."""

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis.exceptions import ConnectionError
from tests import records
from tests.integration.batches import batch, begin
from tests.integration.conftest import MODEL, OWNER, PIPELINE
from tests.integration.outages import Outages
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads import tasks
from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.embedding.consumer import BatchConsumer
from rag_workloads.embedding.engine import Engine, EngineAway, Overloaded
from rag_workloads.embedding.local_engine import LocalEngine
from rag_workloads.jobs.consumer import RetryLater
from rag_workloads.jobs.payloads import Chunk
from rag_workloads.library import recovery
from rag_workloads.library.collections import CollectionRefused, Fingerprint
from rag_workloads.library.documents import Document, DocumentError, ErrorCode, State
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.records import Target
from rag_workloads.library.searches import Query
from rag_workloads.library.vectors import VectorStore

TEXTS = ["The cat sleeps on the sofa.", "A feline naps on the couch.", "Interest rates rose in March."]


async def record(library: Library, document_id: str) -> Document:
    document = await library.records.get(document_id)
    assert document is not None
    return document


async def ended(library: Library, document_id: str) -> Document:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (document := await record(library, document_id)).unfinished:
            await asyncio.sleep(0.02)
    return document


async def embedded(library: Library) -> None:
    """Wait until the embed queue is empty."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await library.queue.depths()).embed:
            await asyncio.sleep(0.02)


async def test_a_document_is_found_when_all_of_it_is_in_and_not_before(
    embedding_url: str, library: Library
) -> None:
    client = EmbeddingClient(embedding_url)
    question = (await client.embed(["When did interest rates rise?"]))[0]
    document = await begin(library, "whole")
    await library.progress(document, batches=2, chunks=6)
    await library.queue.enqueue_batch(batch(document, 0, TEXTS))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await library.records.done_batches("whole", document.generation):
            await asyncio.sleep(0.02)
    assert await library.vectors.find(Query(question, 3)) == []
    await library.queue.enqueue_batch(batch(document, 1, ["The dog barks.", "It rains.", "Trains are late."]))
    completed = await ended(library, "whole")
    assert (completed.state, completed.progress, completed.batches_done) == (State.COMPLETED, 100, 2)
    best = (await library.vectors.find(Query(question, 3)))[0]
    assert (best.chunk_id, best.page, best.text) == ("whole_chunk_2", 1, TEXTS[2])
    chunks, total = await library.vectors.chunks("whole", document.generation, 2, 3)
    assert total == 6
    assert [chunk.chunk_index for chunk in chunks] == [2, 3, 4]
    await client.close()


async def test_a_chunk_is_stored_with_the_vectors_of_its_sentences(
    embedding_url: str, library: Library
) -> None:
    text = "# Pets\n\nThe cat sleeps on the sofa. Interest rates rose in March and May. Trains are late."
    client = EmbeddingClient(embedding_url)
    questions = await client.embed(
        ["When did interest rates rise?", "Where is the cat?", "Are trains on time?"]
    )
    await client.close()
    document = await begin(library, "sentences")
    await library.progress(document, batches=1, chunks=2)
    chunk = Chunk(0, text, 1, [[1, 0]], headings=["Manual", "Chapter 一"])
    await library.queue.enqueue_batch(records.batch(document, 0, [chunk, Chunk(1, "—", 1, [[1, 0]])]))
    await ended(library, "sentences")
    (first, second), _ = await library.vectors.chunks("sentences", document.generation, 0, 2)
    assert first.sentences is not None
    assert [text[start:end].strip("# \n") for start, end in first.sentences.spans] == [
        "Pets",
        "The cat sleeps on the sofa.",
        "Interest rates rose in March and May.",
        "Trains are late.",
    ]
    nearest = (questions @ first.sentences.vectors.T).argmax(axis=1)
    assert nearest.tolist() == [2, 1, 3]
    assert second.sentences is not None
    assert second.sentences.vectors.shape == (1, 384)


async def test_a_new_generation_takes_the_place_of_the_old(embedding_url: str, library: Library) -> None:
    for sha256, text in (("00", "old words"), ("11", "new words")):
        document = await begin(library, "replaced", sha256)
        await library.progress(document, batches=1, chunks=1)
        await library.queue.enqueue_batch(batch(document, 0, [text]))
        await ended(library, "replaced")
        assert await texts_of(library, "replaced") == [text]


async def test_a_batch_of_a_deleted_document_is_dropped(embedding_url: str, library: Library) -> None:
    document = await begin(library, "deleted")
    assert await library.delete("deleted")
    await library.queue.enqueue_batch(batch(document, 0, TEXTS))
    await embedded(library)
    assert not await library.vectors.has("deleted")


async def test_a_batch_of_an_earlier_collection_has_its_document_begun_anew(
    embedding_url: str, library: Library
) -> None:
    earlier = dataclasses.replace(library, target=Target("earlier", -1))
    document = await begin(earlier, "moved")
    await library.queue.enqueue_batch(batch(document, 0, TEXTS))
    await embedded(library)
    again = await record(library, "moved")
    assert (again.task, again.state, again.collection) == (document.task, State.PENDING, None)
    assert again.generation > document.generation
    assert await library.queue.documents_queued([("moved", document.task)]) == [True]


async def test_a_batch_of_a_later_collection_waits_for_newer_pods(
    consumer: BatchConsumer, library: Library
) -> None:
    later = dataclasses.replace(library, target=Target("later", 1))
    document = await begin(later, "ahead")
    with pytest.raises(RetryLater):
        await consumer.embed_batch(batch(document, 0, TEXTS).to_payload())
    assert await record(library, "ahead") == document


async def test_a_collection_of_another_model_is_refused(embedding_url: str, library: Library) -> None:
    with pytest.raises(CollectionRefused, match=r"set vectorStore\.collection"):
        await library.vectors.ensure(Fingerprint("another", "0123456789abcdef", 384))


async def test_a_collection_of_another_pipeline_is_neither_read_nor_written(
    embedding_url: str, library: Library, qdrant_url: str, collection: str
) -> None:
    stranger = VectorStore(qdrant_url, None, collection, "cluster/ns/stranger")
    refused = pytest.raises(CollectionRefused, match=f"belongs to the pipeline {OWNER}")
    with refused:
        await stranger.find(Query(np.zeros(384, np.float32), 3))
    with refused:
        await stranger.delete("whole", 2**52)
    await stranger.close()


@pytest.fixture
async def engine(
    redis_server: str, qdrant_url: str, model_folder: Path, embedding_url: str
) -> AsyncIterator[Engine]:
    """The model in this process."""
    settings = EmbeddingSettings(
        pipeline=PIPELINE,
        redis_url=redis_server,
        qdrant_url=qdrant_url,
        qdrant_collection="unused",
        embedding_model=MODEL,
        model_path=model_folder,
    )
    engine = await LocalEngine.start(settings)
    yield engine
    await engine.close()


@pytest.fixture
def outages(library: Library) -> Outages:
    return Outages(library)


@pytest.fixture
def consumer(engine: Engine, library: Library, outages: Outages) -> BatchConsumer:
    """A consumer in this process, for what a test must do between its steps."""
    return BatchConsumer(engine, library, outages, retries=0)


async def test_a_batch_that_lands_after_the_delete_is_removed_again(
    consumer: BatchConsumer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await begin(library, "late")
    upsert = library.vectors.upsert

    async def upsert_then_delete(*args: Any) -> None:
        await upsert(*args)
        await library.records.delete("late", document.generation)

    monkeypatch.setattr(library.vectors, "upsert", upsert_then_delete)
    await consumer.embed_batch(batch(document, 0, TEXTS).to_payload())
    assert not await library.vectors.has("late")


async def test_a_second_run_of_a_finished_batch_hides_nothing(
    consumer: BatchConsumer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await begin(library, "twice")
    await library.progress(document, batches=1, chunks=3)
    only = batch(document, 0, TEXTS)
    upsert = library.vectors.upsert

    async def upsert_after_the_other_run(*args: Any) -> None:
        monkeypatch.setattr(library.vectors, "upsert", upsert)
        await consumer.embed_batch(only.to_payload())
        await upsert(*args)

    monkeypatch.setattr(library.vectors, "upsert", upsert_after_the_other_run)
    await consumer.embed_batch(only.to_payload())
    assert await texts_of(library, "twice") == TEXTS


async def texts_of(library: Library, document_id: str) -> list[str]:
    """What searches see of a document."""
    document = await library.records.get(document_id)
    assert document
    assert document.active_generation
    chunks, _ = await library.vectors.chunks(document_id, document.active_generation, 0, 10)
    return [chunk.text for chunk in chunks]


async def points_of(library: Library, document_id: str) -> int:
    """How many points a document has, active or not."""
    return len([v async for v in library.vectors.versions() if v.document_id == document_id])


async def embed_one(
    consumer: BatchConsumer, library: Library, document_id: str, sha256: str, text: str
) -> Document:
    """Begin a generation of one chunk, and embed it."""
    document = await begin(library, document_id, sha256)
    await library.progress(document, batches=1, chunks=1)
    await consumer.embed_batch(batch(document, 0, [text]).to_payload())
    return document


async def test_a_generation_that_is_replaced_before_its_end_hides_nothing(
    consumer: BatchConsumer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    await embed_one(consumer, library, "raced", "00", "the first words")
    batch_done = library.records.batch_done

    async def batch_done_then_replaced(*args: Any) -> bool | None:
        done = await batch_done(*args)
        await begin(library, "raced", "22")
        return done

    with monkeypatch.context() as patch:
        patch.setattr(library.records, "batch_done", batch_done_then_replaced)
        await embed_one(consumer, library, "raced", "11", "the second words")
    assert await texts_of(library, "raced") == ["the first words"]
    assert await points_of(library, "raced") == 1


async def test_a_generation_that_ends_after_a_later_one_is_removed(
    consumer: BatchConsumer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate = library.vectors.activate

    async def activate_after_the_later_one(*args: Any) -> None:
        monkeypatch.setattr(library.vectors, "activate", activate)
        await embed_one(consumer, library, "overtaken", "11", "the later words")
        await activate(*args)

    monkeypatch.setattr(library.vectors, "activate", activate_after_the_later_one)
    await embed_one(consumer, library, "overtaken", "00", "the earlier words")
    assert await texts_of(library, "overtaken") == ["the later words"]


async def test_a_failed_generation_leaves_no_points_and_the_one_before_it_stays(
    consumer: BatchConsumer, library: Library
) -> None:
    await embed_one(consumer, library, "half", "00", "the first words")
    document = await begin(library, "half", "11")
    await consumer.embed_batch(batch(document, 0, TEXTS).to_payload())
    assert await points_of(library, "half") == 4
    await consumer.embed_batch(batch(document, 1, ["many words in a long text " * 60]).to_payload())
    await consumer.embed_batch(batch(document, 2, TEXTS).to_payload())
    assert await points_of(library, "half") == 1
    assert await texts_of(library, "half") == ["the first words"]


async def test_a_failure_whose_points_cannot_be_removed_is_settled_by_recovery(
    consumer: BatchConsumer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "SETTLED_SECONDS", -1)
    document = await begin(library, "unsettled")
    await consumer.embed_batch(batch(document, 0, TEXTS).to_payload())
    away = VectorStore(f"http://127.0.0.1:{free_port()}", None, library.target.collection, OWNER)
    error = DocumentError(ErrorCode.INTERNAL, "broken")
    await dataclasses.replace(library, vectors=away).fail("unsettled", document.generation, error)
    await away.close()
    assert await points_of(library, "unsettled") == 3
    await library.recover()
    assert await points_of(library, "unsettled") == 0


async def test_a_vector_store_that_is_away_is_no_fault_of_the_document(
    consumer: BatchConsumer, library: Library, outages: Outages
) -> None:
    away = VectorStore(f"http://127.0.0.1:{free_port()}", None, library.target.collection, OWNER)
    cut_off = dataclasses.replace(consumer, library=dataclasses.replace(library, vectors=away))
    document = await begin(library, "patient")
    for _ in range(2):
        with pytest.raises(RetryLater):
            await cut_off.embed_batch(batch(document, 0, TEXTS).to_payload())
    await away.close()
    assert await record(library, "patient") == document
    told = "vector-store", "Qdrant does not answer: All connection attempts failed"
    assert outages.told == [told] * 2


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EngineAway("HTTP status 503"), [("embedding", "HTTP status 503")]),
        (Overloaded("nothing had its turn"), [("embedding", "nothing had its turn")]),
        (ConnectionError("Redis is away"), [("redis", "Redis is away")]),
        (CollectionRefused("another's"), [("vector-store", "another's")]),
    ],
)
async def test_what_is_away_or_busy_is_no_fault_of_the_document(
    consumer: BatchConsumer,
    library: Library,
    outages: Outages,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    told: list[tuple[str, str]],
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(consumer.engine, "embed_spans", refuse)
    document = await begin(library, "unlucky")
    for _ in range(5):
        with pytest.raises(RetryLater):
            await consumer.embed_batch(batch(document, 0, TEXTS).to_payload())
    assert await record(library, "unlucky") == document
    assert outages.told == told * 5


async def test_a_mistake_in_redis_is_no_outage(
    consumer: BatchConsumer, library: Library, outages: Outages
) -> None:
    document = await begin(library, "mistaken")
    # No set any more.
    await library.queue.redis.set(f"{PIPELINE}:doc:mistaken:{document.generation}:done", "taken")
    await consumer.embed_batch(batch(document, 0, TEXTS).to_payload())
    assert (await record(library, "mistaken")).error_code == ErrorCode.EMBEDDING_FAILED
    assert outages.told == []


async def test_a_batch_that_keeps_failing_fails_the_document(
    consumer: BatchConsumer, library: Library, qdrant_url: str
) -> None:
    narrow = VectorStore(qdrant_url, None, f"narrow-{library.target.collection}", OWNER)
    await narrow.ensure(Fingerprint(MODEL, "0123456789abcdef", 3))
    narrowed = dataclasses.replace(library, vectors=narrow, target=Target(narrow.collection, 0))
    document = await begin(narrowed, "failing")
    once_more = dataclasses.replace(consumer, library=narrowed, retries=1)
    with pytest.raises(RetryLater):
        await once_more.embed_batch(batch(document, 0, TEXTS).to_payload())
    await once_more.embed_batch(batch(document, 0, TEXTS).to_payload())
    await narrow.close()
    failed = await record(library, "failing")
    assert (failed.state, failed.error_code) == (State.FAILED, ErrorCode.EMBEDDING_FAILED)
    assert "failed 2 times, last with: Qdrant answered" in (failed.error_message or "")


async def test_a_chunk_longer_than_the_model_takes_fails_the_document_at_once(
    embedding_url: str, library: Library
) -> None:
    document = await begin(library, "long")
    await library.queue.enqueue_batch(batch(document, 0, ["many words in a long text " * 60]))
    failed = await ended(library, "long")
    assert failed.error_code == ErrorCode.EMBEDDING_FAILED
    assert "too long" in (failed.error_message or "")
    assert "ingestion.chunkSize" in (failed.error_hint or "")


async def test_queries_do_not_wait_for_the_queue(embedding_url: str, library: Library) -> None:
    document = await begin(library, "bulk")

    async def never_empty() -> None:
        for number in itertools.count():
            while not await library.queue.room(12, 64 << 20):
                await asyncio.sleep(0.02)
            await library.queue.enqueue_batch(
                batch(document, number, ["many words in a long text " * 30] * 8)
            )

    filling = asyncio.create_task(never_empty())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await library.records.done_batches("bulk", document.generation):
            await asyncio.sleep(0.02)
        # One that waited for the queue would wait for ever.
        client = EmbeddingClient(embedding_url)
        assert len(await client.embed(["a question"])) == 1
        await client.close()
    assert not filling.done()
    await tasks.end(filling)
    assert await library.delete("bulk")
    await embedded(library)
