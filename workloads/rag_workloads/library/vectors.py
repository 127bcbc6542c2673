"""Chunks and their vectors in Qdrant; every point belongs to a generation of a document.

A point is written inactive, and searches see active ones only. An active point is never written again: the
same work done late, by a run that was taken for dead, cannot make a hole in what searches see.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.library.collections import (
    NOT_FOUND,
    WORDS,
    CollectionRefused,
    CollectionTaken,
    VectorStoreAway,
    errors,
)
from rag_workloads.library.documents import Description
from rag_workloads.library.points import StoredChunk, Version, point_id, to_payload
from rag_workloads.library.searches import Searches, equals, sparse
from rag_workloads.library.sentence_vectors import SentenceVectors
from rag_workloads.text.bm25 import weigh_passages

SCROLL_POINTS = 1000


class VectorStore(Searches):
    """The points of one pipeline; methods without a collection mean the present one. Errors are as there."""

    async def upsert(
        self,
        batch: EmbedBatch,
        vectors: NDArray[np.float32],
        sentences: Sequence[SentenceVectors] | None = None,
    ) -> None:
        """Write a batch's chunks with `vectors` [chunks, dimension], inactive; returns once stored.

        `sentences` are those of each chunk, None where the engine has none.
        """
        words = await self.has_words(batch.collection)
        points = await asyncio.to_thread(_points, batch, vectors, sentences, words)
        inactive = models.Filter(must_not=[equals("active", True)])
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
        this = [equals("document_id", document_id), equals("generation", generation)]
        payload = {"active": True, **description.model_dump(), "revised": revised}
        with errors():
            await self._client.set_payload(collection, payload, models.Filter(must=[*this], must_not=[later]))

    async def delete(
        self, document_id: str, through: int, *, collection: str | None = None, but: int | None = None
    ) -> None:
        """Delete the points of a document up to the generation `through`, but those of the one `but`."""
        up_to = models.FieldCondition(key="generation", range=models.Range(lte=through))
        kept = [] if but is None else [equals("generation", but)]
        await self._delete(
            collection, models.Filter(must=[equals("document_id", document_id), up_to], must_not=[*kept])
        )

    async def delete_version(self, version: Version) -> None:
        """Delete the points of one generation of a document that are active, or those that are not."""
        conditions = [equals(field, value) for field, value in version._asdict().items()]
        await self._delete(None, models.Filter(must=[*conditions]))

    async def chunks(
        self, document_id: str, generation: int, offset: int, limit: int
    ) -> tuple[list[StoredChunk], int]:
        """A page of a generation's active chunks in the order of the text, and how many there are in all."""
        if not await self._is_ours(self.collection):
            return [], 0
        version = Version(document_id, generation, active=True)
        active = [equals(field, value) for field, value in version._asdict().items()]
        window = models.FieldCondition(key="chunk_index", range=models.Range(gte=offset, lt=offset + limit))
        with errors():
            total = await self._client.count(self.collection, models.Filter(must=[*active]))
            records, _ = await self._client.scroll(
                self.collection, models.Filter(must=[*active, window]), limit=limit, with_payload=True
            )
        found = [StoredChunk.from_payload(record.payload or {}) for record in records]
        return sorted(found, key=lambda chunk: chunk.chunk_index), total.count

    async def has(self, document_id: str) -> bool:
        """Whether the present collection has any point of a document."""
        if not await self._is_ours(self.collection):
            return False
        with errors():
            condition = models.Filter(must=[equals("document_id", document_id)])
            return (await self._client.count(self.collection, condition)).count > 0

    async def versions(self) -> AsyncIterator[Version]:
        """The version of every point of the present collection, one after another."""
        offset = None
        self._owned.pop(self.collection, None)  # it may have been dropped, and be another's now
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
                self._owned.pop(name, None)


def _points(
    batch: EmbedBatch,
    vectors: NDArray[np.float32],
    sentences: Sequence[SentenceVectors] | None,
    words: bool,
) -> models.Batch:
    columns: dict[str, Any] = {"": vectors.tolist()}
    if words:
        weights = weigh_passages([chunk.context + chunk.text for chunk in batch.chunks])
        columns[WORDS] = [sparse(each) for each in weights]
    return models.Batch.model_construct(
        ids=[point_id(batch, chunk) for chunk in batch.chunks],
        vectors=columns if words else columns[""],
        payloads=[
            to_payload(batch, chunk, each)
            for chunk, each in zip(batch.chunks, sentences or repeat(None), strict=False)
        ],
    )
