"""Batches from the queue to points: a real embedding service on a real Redis and Qdrant's engine."""

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient, models
from tests.integration.conftest import MODEL, PIPELINE
from tests.integration.service_process import free_port
from tests.patience import PATIENCE_SECONDS, until

from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads import tasks
from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.embedding.consumer import BatchConsumer
from rag_workloads.embedding.local_engine import LocalEngine
from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.documents import Document, ErrorCode, NewDocument, State
from rag_workloads.library.records import DocumentStore
from rag_workloads.library.vectors import Fingerprint, FingerprintMismatch, VectorStore

TEXTS = ["The cat sleeps on the sofa.", "A feline naps on the couch.", "Interest rates rose in March."]


async def begin(documents: DocumentStore, document_id: str, sha256: str = "00") -> Document:
    new = NewDocument(
        document_id=document_id,
        file_name="a.pdf",
        content_type="application/pdf",
        size_bytes=1,
        sha256=sha256,
        object_key="k",
    )
    return (await documents.begin(new)).document


def batch(document: Document, number: int, texts: list[str]) -> EmbedBatch:
    chunks = [Chunk(number * 3 + at, text, 1 + number, [[1 + number, 0]]) for at, text in enumerate(texts)]
    return EmbedBatch(document.document_id, document.generation, number, document.file_name, chunks)


async def ended(documents: DocumentStore, document_id: str) -> Document:
    async def end() -> Document | None:
        document = await documents.get(document_id)
        return document if document and not document.unfinished else None

    return await until(end)


async def test_a_document_is_found_when_all_of_it_is_in_and_not_before(
    embedding_url: str, queue: Queue, documents: DocumentStore, vectors: VectorStore
) -> None:
    client = EmbeddingClient(embedding_url)
    question = (await client.embed(["When did interest rates rise?"]))[0]
    document = await begin(documents, "whole")
    await documents.update("whole", document.generation, state=State.PROCESSING, batches=2, chunks=6)
    await queue.enqueue_batch(batch(document, 0, TEXTS))
    await until(lambda: documents.done_batches("whole", document.generation))
    assert await vectors.search(question, 3, 0.0) == []
    await queue.enqueue_batch(batch(document, 1, ["The dog barks.", "It rains.", "Trains are late."]))
    completed = await ended(documents, "whole")
    assert (completed.state, completed.progress, completed.batches_done) == (State.COMPLETED, 100, 2)
    best = (await vectors.search(question, 3, 0.0))[0]
    assert (best.chunk_id, best.page, best.text) == ("whole_chunk_2", 1, TEXTS[2])
    chunks, total = await vectors.chunks("whole", 2, 3)
    assert total == 6
    assert [chunk.chunk_index for chunk in chunks] == [2, 3, 4]
    await client.close()


async def test_a_new_generation_takes_the_place_of_the_old(
    embedding_url: str, queue: Queue, documents: DocumentStore, vectors: VectorStore
) -> None:
    for sha256, text in (("00", "old words"), ("11", "new words")):
        document = await begin(documents, "replaced", sha256)
        await documents.update("replaced", document.generation, batches=1, chunks=1)
        await queue.enqueue_batch(batch(document, 0, [text]))
        await ended(documents, "replaced")
        chunks, _ = await vectors.chunks("replaced", 0, 10)
        assert [chunk.text for chunk in chunks] == [text]


async def test_a_batch_of_a_deleted_document_is_dropped(
    embedding_url: str, queue: Queue, documents: DocumentStore, vectors: VectorStore
) -> None:
    document = await begin(documents, "deleted")
    await documents.delete("deleted", document.generation)
    await queue.enqueue_batch(batch(document, 0, TEXTS))

    async def dropped() -> bool:
        return (await queue.depths()).embed == 0

    await until(dropped)
    await vectors.activate("deleted", document.generation)
    assert await vectors.chunks("deleted", 0, 10) == ([], 0)


async def test_a_collection_of_another_model_is_refused(embedding_url: str, vectors: VectorStore) -> None:
    with pytest.raises(FingerprintMismatch, match=r"set vectorStore\.collection"):
        await vectors.ensure(Fingerprint("another", "0123456789abcdef", 384))


@pytest.fixture
async def consumer(
    redis_server: str, qdrant_url: str, model_folder: Path, documents: DocumentStore, vectors: VectorStore
) -> AsyncIterator[BatchConsumer]:
    """A consumer in this process, for what a test must do between its steps."""
    settings = EmbeddingSettings(
        pipeline=PIPELINE,
        redis_url=redis_server,
        qdrant_url=qdrant_url,
        qdrant_collection="unused",
        embedding_model=MODEL,
        model_path=model_folder,
    )
    engine = await LocalEngine.start(settings)
    yield BatchConsumer(engine, documents, vectors, timeout_seconds=PATIENCE_SECONDS, retries=0)
    await engine.close()


async def test_a_batch_that_lands_after_the_delete_is_removed_again(
    embedding_url: str,
    consumer: BatchConsumer,
    documents: DocumentStore,
    vectors: VectorStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = await begin(documents, "late")
    late = batch(document, 0, TEXTS)
    upsert = vectors.upsert

    async def upsert_then_delete(batch: EmbedBatch, found: np.ndarray) -> None:
        await upsert(batch, found)
        await documents.delete("late", document.generation)

    monkeypatch.setattr(vectors, "upsert", upsert_then_delete)
    await consumer.embed_batch(late.to_payload())
    await vectors.activate("late", document.generation)
    assert await vectors.chunks("late", 0, 10) == ([], 0)


async def test_a_second_run_of_a_finished_batch_hides_nothing(
    embedding_url: str,
    consumer: BatchConsumer,
    documents: DocumentStore,
    vectors: VectorStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = await begin(documents, "twice")
    await documents.update("twice", document.generation, batches=1, chunks=3)
    only = batch(document, 0, TEXTS)
    upsert = vectors.upsert

    async def upsert_after_the_other_run(batch: EmbedBatch, found: np.ndarray) -> None:
        monkeypatch.setattr(vectors, "upsert", upsert)
        await consumer.embed_batch(only.to_payload())
        await upsert(batch, found)

    monkeypatch.setattr(vectors, "upsert", upsert_after_the_other_run)
    await consumer.embed_batch(only.to_payload())
    assert (await vectors.chunks("twice", 0, 10))[1] == 3


async def texts_of(vectors: VectorStore, document_id: str) -> list[str]:
    """What searches see of a document."""
    return [chunk.text for chunk in (await vectors.chunks(document_id, 0, 10))[0]]


async def points_of(qdrant_url: str, collection: str, document_id: str) -> int:
    """How many points a document has, active or not."""
    client = AsyncQdrantClient(url=qdrant_url, check_compatibility=False)
    match = models.FieldCondition(key="document_id", match=models.MatchValue(value=document_id))
    found = await client.count(collection, models.Filter(must=[match]))
    await client.close()
    return found.count


async def embed_one(
    consumer: BatchConsumer, documents: DocumentStore, document_id: str, sha256: str, text: str
) -> Document:
    """Begin a generation of one chunk, and embed it."""
    document = await begin(documents, document_id, sha256)
    await documents.update(document_id, document.generation, batches=1, chunks=1)
    await consumer.embed_batch(batch(document, 0, [text]).to_payload())
    return document


async def test_a_generation_that_is_replaced_before_its_end_hides_nothing(
    embedding_url: str,
    consumer: BatchConsumer,
    documents: DocumentStore,
    vectors: VectorStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await embed_one(consumer, documents, "raced", "00", "the first words")
    batch_done = documents.batch_done

    async def batch_done_then_replaced(document_id: str, generation: int, number: int) -> Document | None:
        document = await batch_done(document_id, generation, number)
        await begin(documents, "raced", "22")
        return document

    with monkeypatch.context() as patch:
        patch.setattr(documents, "batch_done", batch_done_then_replaced)
        await embed_one(consumer, documents, "raced", "11", "the second words")
    assert await texts_of(vectors, "raced") == ["the first words"]


async def test_a_generation_that_ends_after_a_later_one_is_removed(
    embedding_url: str,
    consumer: BatchConsumer,
    documents: DocumentStore,
    vectors: VectorStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    activate = vectors.activate

    async def activate_after_the_later_one(document_id: str, generation: int) -> None:
        monkeypatch.setattr(vectors, "activate", activate)
        await embed_one(consumer, documents, "overtaken", "11", "the later words")
        await activate(document_id, generation)

    monkeypatch.setattr(vectors, "activate", activate_after_the_later_one)
    await embed_one(consumer, documents, "overtaken", "00", "the earlier words")
    assert await texts_of(vectors, "overtaken") == ["the later words"]


async def test_a_failed_generation_leaves_no_points_and_the_one_before_it_stays(
    embedding_url: str,
    consumer: BatchConsumer,
    documents: DocumentStore,
    vectors: VectorStore,
    qdrant_url: str,
    collection: str,
) -> None:
    await embed_one(consumer, documents, "half", "00", "the first words")
    document = await begin(documents, "half", "11")
    await consumer.embed_batch(batch(document, 0, TEXTS).to_payload())
    assert await points_of(qdrant_url, collection, "half") == 4
    await consumer.embed_batch(batch(document, 1, ["many words in a long text " * 60]).to_payload())
    await consumer.embed_batch(batch(document, 2, TEXTS).to_payload())
    assert await points_of(qdrant_url, collection, "half") == 1
    assert await texts_of(vectors, "half") == ["the first words"]


async def test_a_batch_that_keeps_failing_fails_the_document(
    embedding_url: str, consumer: BatchConsumer, documents: DocumentStore
) -> None:
    away = VectorStore(f"http://127.0.0.1:{free_port()}", None, "none")
    document = await begin(documents, "failing")
    await dataclasses.replace(consumer, vectors=away).embed_batch(batch(document, 0, TEXTS).to_payload())
    await away.close()
    failed = await documents.get("failing")
    assert failed is not None
    assert (failed.state, failed.error_code) == (State.FAILED, ErrorCode.EMBEDDING_FAILED)
    assert "failed 1 times, last with: All connection attempts failed" in (failed.error_message or "")


async def test_a_chunk_longer_than_the_model_takes_fails_the_document_at_once(
    embedding_url: str, queue: Queue, documents: DocumentStore
) -> None:
    document = await begin(documents, "long")
    await queue.enqueue_batch(batch(document, 0, ["many words in a long text " * 60]))
    failed = await ended(documents, "long")
    assert failed.error_code == ErrorCode.EMBEDDING_FAILED
    assert "too long" in (failed.error_message or "")
    assert "ingestion.chunkSize" in (failed.error_hint or "")


async def test_queries_do_not_wait_for_the_queue(
    embedding_url: str, queue: Queue, documents: DocumentStore
) -> None:
    document = await begin(documents, "bulk")

    async def feed() -> None:
        """There are always more batches: a question that waited for them would wait for ever."""
        for number in itertools.count():
            while not await queue.room(20):
                await asyncio.sleep(0.01)
            await queue.enqueue_batch(batch(document, number, ["many words in a long text " * 30] * 32))

    async def full() -> bool:
        return not await queue.room(20)

    feeding = asyncio.create_task(feed())
    await until(full)
    client = EmbeddingClient(embedding_url)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert len(await client.embed(["a question"])) == 1
    await tasks.end(feeding)
    await documents.delete("bulk", document.generation)
    await client.close()
