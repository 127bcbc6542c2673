"""Chunks and their vectors in Qdrant; every point belongs to a generation of a document.

A point is written inactive, and searches see active ones only. An active point is never written again: the
same work done late, by a run that was taken for dead, cannot make a hole in what searches see.
"""

import contextlib
import copy
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from rag_workloads.jobs import payloads
from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.library.documents import Description

TIMEOUT_SECONDS = 60
SCROLL_POINTS = 1000
CONFLICT, NOT_FOUND = 409, 404
# The statuses of a request that would be refused again.
REFUSED = {400, CONFLICT, 413, 422}
INDEXES = {
    "document_id": models.PayloadSchemaType.KEYWORD,
    "generation": models.PayloadSchemaType.INTEGER,
    "active": models.PayloadSchemaType.BOOL,
    "chunk_index": models.PayloadSchemaType.INTEGER,
    "file_name": models.PayloadSchemaType.KEYWORD,
    "tags": models.PayloadSchemaType.KEYWORD,
}


class VectorStoreError(Exception):
    """Qdrant refused a request."""


class VectorStoreAway(VectorStoreError):
    """Qdrant cannot be reached or used now, is too slow or too busy: the same request may succeed later."""


class CollectionRefused(VectorStoreError):
    """The collection belongs to another pipeline, or holds another model's vectors."""


class CollectionTaken(VectorStoreAway):
    """The collection belongs to another index of this pipeline, which is to be dropped first."""


class CollectionMissing(VectorStoreAway):
    """There is no such collection."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Which model made a collection's vectors: its id, a hash of its weights, and the vectors' length.

    `revision` is the commit of the model's repository on the hub, "" for a model that is in an image.
    """

    model: str
    fingerprint: str
    dimension: int
    revision: str = ""


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


class Version(NamedTuple):
    """The generation that a point belongs to, and whether searches see it."""

    document_id: str
    generation: int
    active: bool


class VectorStore:
    """The collections of one pipeline; methods without a collection mean the present one.

    Raises VectorStoreError. A collection that is not there is empty; one of another owner is not touched.
    """

    def __init__(
        self, url: str, api_key: str | None, collection: str, owner: str, index: str | None = None
    ) -> None:
        """`owner` names the pipeline among all that may share the Qdrant server.

        `index` is the id of the pipeline's index that the collection belongs to, None for the first one.
        """
        self._client = AsyncQdrantClient(
            url=url, api_key=api_key, timeout=TIMEOUT_SECONDS, check_compatibility=False
        )
        self.collection, self._owner, self._index = collection, owner, index
        self._owned: set[str] = set()

    def beside(self, collection: str, index: str | None) -> Self:
        """The same for another index, over the same connections."""
        other = copy.copy(self)
        other.collection, other._index, other._owned = collection, index, set()
        return other

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def ready(self) -> None:
        """Raise if Qdrant does not answer."""
        with _errors():
            await self._client.collection_exists(self.collection)

    async def revision(self) -> str:
        """The hub's revision of the model that the present collection was made with; "" if it names none."""
        return str((await self._metadata(self.collection) or {}).get("revision", ""))

    async def ensure(self, fingerprint: Fingerprint, *, create: bool = True) -> None:
        """Create the present collection if it is not there, and check that it is this index's and model's.

        Safe to call from many pods at once. Raises CollectionRefused, CollectionTaken, and without `create`
        CollectionMissing.
        """
        with _errors():
            if not await self._client.collection_exists(self.collection):
                if not create:
                    raise CollectionMissing(f"there is no collection {self.collection!r} yet")
                await self._create(fingerprint)
            await self._check(fingerprint)
            for field, schema in INDEXES.items():
                await self._client.create_payload_index(self.collection, field, schema)

    async def drop(self) -> None:
        """Delete the present collection, if it is there and this index's."""
        metadata = await self._metadata(self.collection)
        if metadata and metadata.get("owner") == self._owner and metadata.get("index") == self._index:
            with _errors():
                await self._client.delete_collection(self.collection)
        self._owned.discard(self.collection)

    async def upsert(self, batch: EmbedBatch, vectors: NDArray[np.float32]) -> None:
        """Write a batch's chunks with `vectors` [chunks, dimension], inactive; returns once stored."""
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
        inactive = models.Filter(must_not=[_equals("active", True)])
        with _errors():
            await self._client.upsert(batch.collection, points, update_filter=inactive)

    async def activate(
        self, collection: str, document_id: str, generation: int, description: Description
    ) -> None:
        """Let searches see this generation of a document, too, described so; may be done again.

        VectorStoreAway without a collection.
        """
        if not await self._is_ours(collection):
            raise VectorStoreAway(f"collection {collection!r} is gone")
        this = models.Filter(must=[_equals("document_id", document_id), _equals("generation", generation)])
        with _errors():
            await self._client.set_payload(collection, {"active": True, **description.model_dump()}, this)

    async def delete(
        self, document_id: str, through: int, *, collection: str | None = None, but: int | None = None
    ) -> None:
        """Delete the points of a document up to the generation `through`, but those of the one `but`."""
        up_to = models.FieldCondition(key="generation", range=models.Range(lte=through))
        kept = [] if but is None else [_equals("generation", but)]
        await self._delete(
            collection, models.Filter(must=[_equals("document_id", document_id), up_to], must_not=[*kept])
        )

    async def delete_version(self, version: Version) -> None:
        """Delete the points of one generation of a document that are active, or those that are not."""
        conditions = [_equals(field, value) for field, value in version._asdict().items()]
        await self._delete(None, models.Filter(must=[*conditions]))

    async def search(self, vector: NDArray[np.float32], top_k: int, score_threshold: float) -> list[Hit]:
        """The active chunks nearest to `vector` [dimension] with at least this score, best first."""
        if not await self._is_ours(self.collection):
            return []
        with _errors():
            found = await self._client.query_points(
                self.collection,
                query=vector.tolist(),
                query_filter=models.Filter(must=[_equals("active", True)]),
                limit=top_k,
                score_threshold=score_threshold,
                with_payload=True,
            )
        return [Hit(**_chunk(point.payload), score=point.score) for point in _newest(found.points)]

    async def chunks(
        self, document_id: str, generation: int, offset: int, limit: int
    ) -> tuple[list[StoredChunk], int]:
        """A page of a generation's active chunks in the order of the text, and how many there are in all."""
        if not await self._is_ours(self.collection):
            return [], 0
        version = Version(document_id, generation, active=True)
        active = [_equals(field, value) for field, value in version._asdict().items()]
        window = models.FieldCondition(key="chunk_index", range=models.Range(gte=offset, lt=offset + limit))
        with _errors():
            total = await self._client.count(self.collection, models.Filter(must=[*active]))
            records, _ = await self._client.scroll(
                self.collection, models.Filter(must=[*active, window]), limit=limit, with_payload=True
            )
        found = [StoredChunk(**_chunk(record.payload)) for record in records]
        return sorted(found, key=lambda chunk: chunk.chunk_index), total.count

    async def has(self, document_id: str) -> bool:
        """Whether the present collection has any point of a document."""
        if not await self._is_ours(self.collection):
            return False
        with _errors():
            condition = models.Filter(must=[_equals("document_id", document_id)])
            return (await self._client.count(self.collection, condition)).count > 0

    async def versions(self) -> AsyncIterator[Version]:
        """The version of every point of the present collection, one after another."""
        offset = None
        self._owned.discard(self.collection)  # it may have been dropped, and be another's now
        while await self._is_ours(self.collection):
            with _errors():
                records, offset = await self._client.scroll(
                    self.collection,
                    limit=SCROLL_POINTS,
                    offset=offset,
                    with_payload=list(Version._fields),
                )
            for record in records:
                if record.payload is not None:
                    yield Version(**record.payload)
            if offset is None:
                return

    async def _create(self, fingerprint: Fingerprint) -> None:
        size, distance = fingerprint.dimension, models.Distance.COSINE
        index = {"index": self._index} if self._index else {}
        try:
            await self._client.create_collection(
                self.collection,
                vectors_config=models.VectorParams(size=size, distance=distance),
                metadata={**asdict(fingerprint), "owner": self._owner, **index},
            )
        except UnexpectedResponse as error:
            if error.status_code != CONFLICT:
                raise

    async def _check(self, fingerprint: Fingerprint) -> None:
        self._owned.discard(self.collection)
        await self._is_ours(self.collection)
        found = await self._metadata(self.collection) or {}
        made_by = {key: found.get(key) for key in ("model", "fingerprint", "dimension")}
        expected = {key: asdict(fingerprint)[key] for key in made_by}
        if made_by != expected:
            raise CollectionRefused(
                f"collection {self.collection!r} was made by {made_by}, this model is {expected}: "
                "set vectorStore.collection to a new name, or set the model back"
            )
        if "owner" not in found:  # made by a release that named none
            await self._client.update_collection(self.collection, metadata={"owner": self._owner})

    async def _is_ours(self, collection: str) -> bool:
        """Whether the collection is there; CollectionRefused if it is another's. Asked once."""
        if collection in self._owned:
            return True
        metadata = await self._metadata(collection)
        if metadata is None:
            return False
        if "fingerprint" not in metadata:
            raise CollectionRefused(
                f"collection {collection!r} was not made by a RagPipeline: "
                "set vectorStore.collection to another name"
            )
        if (owner := metadata.get("owner", self._owner)) != self._owner:
            raise CollectionRefused(
                f"collection {collection!r} belongs to the pipeline {owner}, this is {self._owner}: "
                "set vectorStore.collection to another name"
            )
        if (index := metadata.get("index")) != self._index:
            raise CollectionTaken(
                f"collection {collection!r} belongs to {index or 'the first index'} of this pipeline until "
                "that is dropped; if it is not, set vectorStore.collection to another name"
            )
        self._owned.add(collection)
        return True

    async def _metadata(self, collection: str) -> dict[str, Any] | None:
        """What a collection says of itself; None if there is no such collection."""
        with _errors():
            try:
                info = await self._client.get_collection(collection)
            except UnexpectedResponse as error:
                if error.status_code != NOT_FOUND:
                    raise
                return None
        return info.config.metadata or {}

    async def _delete(self, collection: str | None, points: models.Filter) -> None:
        name = collection or self.collection
        try:
            if not await self._is_ours(name):
                return
        except (CollectionRefused, CollectionTaken):
            if name == self.collection:
                raise
            return  # an earlier one that was dropped, and is another's now: nothing of ours is in it
        selector = models.FilterSelector(filter=points)
        with _errors():
            try:
                await self._client.delete(name, selector)
            except UnexpectedResponse as error:
                if error.status_code != NOT_FOUND:
                    raise
                self._owned.discard(name)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """The client's errors as ours: away, or refused."""
    try:
        yield
    except UnexpectedResponse as error:
        # All others say nothing of the request: a key is wrong, or the collection is gone for now.
        kind = VectorStoreError if error.status_code in REFUSED else VectorStoreAway
        raise kind(f"Qdrant answered {error}") from error
    except (ResponseHandlingException, ApiException, TimeoutError) as error:
        raise VectorStoreAway(f"Qdrant does not answer: {error or type(error).__name__}") from error


def _equals(key: str, value: str | int | bool) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _newest(points: Sequence[models.ScoredPoint]) -> list[models.ScoredPoint]:
    """Without those of a version that is just being replaced: both are active until the older one is gone."""
    versions = [
        ((point.payload or {})["document_id"], (point.payload or {})["generation"]) for point in points
    ]
    newest = dict(sorted(versions))
    return [p for p, (document, version) in zip(points, versions, strict=True) if version == newest[document]]


def _chunk(payload: dict[str, Any] | None) -> dict[str, Any]:
    """Of the payload, what a chunk holds."""
    return {field.name: (payload or {})[field.name] for field in fields(StoredChunk)}
