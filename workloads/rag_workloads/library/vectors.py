"""Chunks and their vectors in Qdrant: one collection; every point belongs to a generation of a document."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from rag_workloads.jobs import payloads
from rag_workloads.jobs.payloads import EmbedBatch

TIMEOUT_SECONDS = 60
CONFLICT = 409
INDEXES = {
    "document_id": models.PayloadSchemaType.KEYWORD,
    "generation": models.PayloadSchemaType.INTEGER,
    "active": models.PayloadSchemaType.BOOL,
    "chunk_index": models.PayloadSchemaType.INTEGER,
}


class VectorStoreError(Exception):
    """Qdrant refused a request."""


class VectorStoreAway(VectorStoreError):
    """Qdrant cannot be reached, is too slow or too busy: the same request may succeed later."""


class CollectionRefused(VectorStoreError):
    """The collection belongs to another pipeline, or holds another model's vectors."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Which model made a collection's vectors: its id, a hash of its weights, and the vectors' length."""

    model: str
    fingerprint: str
    dimension: int


class FingerprintMismatch(CollectionRefused):
    """The collection holds vectors of another model; comparing them would give nonsense."""

    def __init__(self, collection: str, found: dict[str, Any], expected: Fingerprint) -> None:
        super().__init__(
            f"collection {collection!r} was made by {found}, this model is {asdict(expected)}: "
            "set vectorStore.collection to a new name, or set the model back"
        )


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as it was written; `page_starts` as in `payloads.Chunk`."""

    chunk_id: str
    document_id: str
    chunk_index: int
    file_name: str
    page: int
    page_starts: list[list[int]]
    text: str


@dataclass(frozen=True, slots=True)
class Hit(StoredChunk):
    """A chunk that a search found; `score` is the cosine, -1 to 1."""

    score: float


class VectorStore:
    """The collection of one pipeline. Errors are qdrant-client's."""

    def __init__(self, url: str, api_key: str | None, collection: str) -> None:
        self._client = AsyncQdrantClient(
            url=url, api_key=api_key, timeout=TIMEOUT_SECONDS, check_compatibility=False
        )
        self._collection = collection

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def ready(self) -> None:
        """Raise if Qdrant does not answer."""
        await self._client.collection_exists(self._collection)

    async def ensure(self, fingerprint: Fingerprint) -> None:
        """Create the collection if it is not there, then `check` it. Safe to call from many pods at once."""
        if not await self._client.collection_exists(self._collection):
            try:
                await self._client.create_collection(
                    self._collection,
                    vectors_config=models.VectorParams(
                        size=fingerprint.dimension, distance=models.Distance.COSINE
                    ),
                    metadata=asdict(fingerprint),
                )
            except UnexpectedResponse as error:
                if error.status_code != CONFLICT:
                    raise
        await self.check(fingerprint)
        for field, schema in INDEXES.items():
            await self._client.create_payload_index(self._collection, field, schema)

    async def check(self, fingerprint: Fingerprint) -> None:
        """Raise FingerprintMismatch unless the collection's vectors were made by this very model."""
        info = await self._client.get_collection(self._collection)
        found = info.config.metadata or {}
        if found != asdict(fingerprint):
            raise FingerprintMismatch(self._collection, found, fingerprint)

    async def upsert(self, batch: EmbedBatch, vectors: NDArray[np.float32]) -> None:
        """Write a batch's chunks with `vectors` [chunks, dimension], not active yet; returns once stored."""
        points = models.Batch.model_construct(
            ids=[payloads.point_id(batch.document_id, c.index, batch.generation) for c in batch.chunks],
            vectors=vectors.tolist(),
            payloads=[
                {
                    "chunk_id": payloads.chunk_id(batch.document_id, c.index),
                    "document_id": batch.document_id,
                    "chunk_index": c.index,
                    "generation": batch.generation,
                    "active": False,
                    "file_name": batch.file_name,
                    "page": c.page,
                    "page_starts": c.page_starts,
                    "text": c.text,
                }
                for c in batch.chunks
            ],
        )
        await self._client.upsert(self._collection, points)

    async def activate(self, document_id: str, generation: int) -> None:
        """Let searches see this generation of a document, and delete the ones before it; in one request.

        One that has begun since is left alone: generations only grow.
        """
        this = _equals("generation", generation)
        earlier = models.FieldCondition(key="generation", range=models.Range(lt=generation))
        of_document = _equals("document_id", document_id)
        await self._client.batch_update_points(
            self._collection,
            [
                models.SetPayloadOperation(
                    set_payload=models.SetPayload(
                        payload={"active": True}, filter=models.Filter(must=[of_document, this])
                    )
                ),
                models.DeleteOperation(
                    delete=models.FilterSelector(filter=models.Filter(must=[of_document, earlier]))
                ),
            ],
        )

    async def delete_through(self, document_id: str, generation: int) -> None:
        """Delete all points of a document up to this generation, active or not."""
        await self._delete(_equals("document_id", document_id), _up_to(generation))

    async def discard(self, document_id: str, generation: int) -> None:
        """Delete what this generation of a document, and any before it, wrote and never made active."""
        await self._delete(_equals("document_id", document_id), _up_to(generation), _equals("active", False))

    async def search(self, vector: NDArray[np.float32], top_k: int, score_threshold: float) -> list[Hit]:
        """The active chunks nearest to `vector` [dimension] with at least this score, best first."""
        found = await self._client.query_points(
            self._collection,
            query=vector.tolist(),
            query_filter=models.Filter(must=[_equals("active", True)]),
            limit=top_k,
            score_threshold=score_threshold,
            with_payload=True,
        )
        return [Hit(**_chunk(point.payload), score=point.score) for point in found.points]

    async def chunks(self, document_id: str, offset: int, limit: int) -> tuple[list[StoredChunk], int]:
        """A page of a document's active chunks in the order of the text, and how many there are in all."""
        active = [_equals("document_id", document_id), _equals("active", True)]
        window = models.FieldCondition(key="chunk_index", range=models.Range(gte=offset, lt=offset + limit))
        total = await self._client.count(self._collection, models.Filter(must=[*active]))
        records, _ = await self._client.scroll(
            self._collection, models.Filter(must=[*active, window]), limit=limit, with_payload=True
        )
        found = [StoredChunk(**_chunk(record.payload)) for record in records]
        return sorted(found, key=lambda chunk: chunk.chunk_index), total.count

    async def _delete(self, *conditions: models.FieldCondition) -> None:
        selector = models.FilterSelector(filter=models.Filter(must=[*conditions]))
        await self._client.delete(self._collection, selector)


def _equals(key: str, value: str | int | bool) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _up_to(generation: int) -> models.FieldCondition:
    return models.FieldCondition(key="generation", range=models.Range(lte=generation))


def _chunk(payload: dict[str, Any] | None) -> dict[str, Any]:
    """The payload without what only the store itself needs."""
    return {key: value for key, value in (payload or {}).items() if key not in ("generation", "active")}
