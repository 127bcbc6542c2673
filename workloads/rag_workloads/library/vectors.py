"""Chunks and their vectors in Qdrant; every point belongs to a generation of a document.

A point is written inactive, and searches see active ones only. An active point is never written again: the
same work done late, by a run that was taken for dead, cannot make a hole in what searches see.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from rag_workloads.jobs import payloads
from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.library.collections import (
    NOT_FOUND,
    CollectionRefused,
    Collections,
    CollectionTaken,
    VectorStoreAway,
    errors,
)
from rag_workloads.library.documents import Description

SCROLL_POINTS = 1000


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as it was written; as `payloads.Chunk`, with defaults for what earlier ones had not."""

    chunk_id: str
    document_id: str
    chunk_index: int
    file_name: str
    page: int
    page_starts: list[list[int]]
    text: str
    line_starts: list[list[int]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    table_header: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(StoredChunk):
    """A chunk that a search found; `score` is the cosine, -1 to 1."""

    score: float


class Version(NamedTuple):
    """The generation that a point belongs to, and whether searches see it."""

    document_id: str
    generation: int
    active: bool


class VectorStore(Collections):
    """The points of one pipeline; methods without a collection mean the present one. Errors are as there."""

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
                    "line_starts": c.line_starts,
                    "headings": c.headings,
                    "table_header": c.table_header,
                }
                for c in batch.chunks
            ],
        )
        inactive = models.Filter(must_not=[_equals("active", True)])
        with errors():
            await self._client.upsert(batch.collection, points, update_filter=inactive)

    async def activate(
        self, collection: str, document_id: str, generation: int, description: Description, revised: int
    ) -> None:
        """Let searches see this generation of a document, too, described so; may be done again.

        A description that comes late, after one of a greater number, changes nothing. VectorStoreAway without
        a collection.
        """
        if not await self._is_ours(collection):
            raise VectorStoreAway(f"collection {collection!r} is gone")
        later = models.FieldCondition(key="revised", range=models.Range(gt=revised))
        this = [_equals("document_id", document_id), _equals("generation", generation)]
        payload = {"active": True, **description.model_dump(), "revised": revised}
        with errors():
            await self._client.set_payload(collection, payload, models.Filter(must=[*this], must_not=[later]))

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
        with errors():
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
        with errors():
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
        with errors():
            condition = models.Filter(must=[_equals("document_id", document_id)])
            return (await self._client.count(self.collection, condition)).count > 0

    async def versions(self) -> AsyncIterator[Version]:
        """The version of every point of the present collection, one after another."""
        offset = None
        self._owned.discard(self.collection)  # it may have been dropped, and be another's now
        while await self._is_ours(self.collection):
            with errors():
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
        with errors():
            try:
                await self._client.delete(name, selector)
            except UnexpectedResponse as error:
                if error.status_code != NOT_FOUND:
                    raise
                self._owned.discard(name)


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
    written = payload or {}
    return {field.name: written[field.name] for field in fields(StoredChunk) if field.name in written}
