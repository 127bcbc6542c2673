"""Searches of a pipeline's points: by meaning, by words, or by both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from rag_contract.retrieval import Mode
from rag_workloads.library.collections import WORDS, Collections, errors
from rag_workloads.library.points import Hit, Scores, StoredChunk
from rag_workloads.text.bm25 import Weights

# By Qdrant's own constant: the first of a list counts 1/2, the second 1/3. One of 60 measured worse.
FUSED = models.FusionQuery(fusion=models.Fusion.RRF)

Json = dict[str, Any]
# The fields of a request, or of a prefetch.
Ask = dict[str, Any]


class Point(TypedDict):
    """A point that was found; its id is a UUID's text, and only the ranking asks for its payload."""

    id: str
    score: float
    payload: Json


@dataclass(frozen=True, slots=True)
class Where:
    """The documents whose chunks a search sees: of everything that is said here, all must hold."""

    document_ids: Sequence[str] = ()
    any_tags: Sequence[str] = ()
    all_tags: Sequence[str] = ()
    metadata: Mapping[str, str | int | bool] = field(default_factory=dict)


ANYWHERE = Where()


@dataclass(frozen=True, slots=True)
class Query:
    """A question as a unit vector [dimension] and as weights of words, and how many chunks are wanted.

    Chunks whose cosine is below `score_threshold` are left out.
    """

    vector: NDArray[np.float32]
    limit: int
    words: Weights = field(default_factory=dict)
    mode: Mode = "dense"
    score_threshold: float = -1
    where: Where = ANYWHERE


class Searches(Collections):
    """Finds active chunks in the present collection; it is empty where there is none. Errors are as there."""

    async def find(self, query: Query) -> list[Hit]:
        """The chunks that are nearest to a question, best first."""
        asks_for_nothing = query.mode == "sparse" and not query.words
        if asks_for_nothing or not await self._is_ours(self.collection):
            return []
        ranked, *rescored = await self._points(_requests(query))
        cosines, bm25 = map(_scores, rescored) if rescored else (_scores(ranked), {})
        hits = [
            Hit.from_payload(
                point["payload"], scores=Scores(rank, cosines.get(point["id"]), bm25.get(point["id"]))
            )
            for rank, point in enumerate(_newest(ranked), 1)
        ]
        return [hit for hit in hits if (hit.scores.cosine or 0) >= query.score_threshold]

    async def _points(self, searches: list[models.QueryRequest]) -> list[list[Point]]:
        """The points that each search finds.

        The client's own methods copy each request, to look for texts in it that it might embed, and make an
        object of each point.
        """
        body = models.QueryRequestBatch(searches=searches).model_dump_json(exclude_none=True)
        with errors():
            answered = await self._client.http.client.request(
                type_=Json,
                method="POST",
                url="/collections/{name}/points/query/batch",
                path_params={"name": self.collection},
                headers={"Content-Type": "application/json"},
                content=body,
            )
        return [answer["points"] for answer in answered["result"]]

    async def around(self, hits: Sequence[Hit], reach: int) -> dict[str, StoredChunk]:
        """The active chunks up to so many places before and after each of these, by their ids."""
        near = [
            models.Filter(
                must=[
                    equals("document_id", hit.document_id),
                    equals("generation", hit.generation),
                    _within("chunk_index", hit.chunk_index - reach, hit.chunk_index + reach),
                ]
            )
            for hit in hits
        ]
        with errors():
            records, _ = await self._client.scroll(
                self.collection,
                models.Filter(must=[equals("active", True)], should=[*near]),
                limit=len(hits) * (2 * reach + 1),
                with_payload=True,
            )
        found = [StoredChunk.from_payload(record.payload or {}) for record in records]
        return {chunk.chunk_id: chunk for chunk in found}


def equals(key: str, value: str | int | bool) -> models.FieldCondition:
    """The condition that a field has, or holds, a value."""
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _within(key: str, least: int, most: int) -> models.FieldCondition:
    return models.FieldCondition(key=key, range=models.Range(gte=least, lte=most))


def sparse(weights: Weights) -> models.SparseVector:
    """The weights of words as Qdrant has them."""
    return models.SparseVector(indices=list(weights), values=list(weights.values()))


def _requests(query: Query) -> list[models.QueryRequest]:
    """The ranking; if its scores are no cosines, then its chunks once more by meaning, and once by words."""
    by_meaning: Ask = {"query": models.NearestQuery(nearest=query.vector.tolist())}
    by_words: Ask = {"query": models.NearestQuery(nearest=sparse(query.words)), "using": WORDS}
    seen: Ask = {"filter": _condition(query.where), "limit": query.limit}
    if query.mode == "dense":
        ranking = {**by_meaning, **seen, "score_threshold": query.score_threshold}
        return [models.QueryRequest(**ranking, with_payload=True)]
    ranking = {**by_words, **seen}
    if query.mode == "hybrid":
        legs = [models.Prefetch(**leg, **seen) for leg in (by_meaning, by_words)]
        ranking = {"prefetch": legs, "query": FUSED, "limit": query.limit}
    ranked = models.Prefetch(**ranking)
    return [
        models.QueryRequest(**ranking, with_payload=True),
        models.QueryRequest(**by_meaning, prefetch=ranked, limit=query.limit),
        models.QueryRequest(**by_words, prefetch=ranked, limit=query.limit),
    ]


def _condition(where: Where) -> models.Filter:
    """What holds of every chunk that a search sees."""
    must = [equals("active", True), *(equals("tags", tag) for tag in where.all_tags)]
    must += [equals(f'metadata."{key}"', value) for key, value in where.metadata.items()]
    for key, values in (("document_id", where.document_ids), ("tags", where.any_tags)):
        if values:
            must.append(models.FieldCondition(key=key, match=models.MatchAny(any=list(values))))
    return models.Filter(must=[*must])


def _scores(points: Sequence[Point]) -> dict[str, float]:
    return {point["id"]: point["score"] for point in points}


def _newest(points: Sequence[Point]) -> list[Point]:
    """Without those of a version that is just being replaced: both are active until the older one is gone."""
    versions = [(point["payload"]["document_id"], point["payload"]["generation"]) for point in points]
    newest = dict(sorted(versions))
    return [p for p, (document, version) in zip(points, versions, strict=True) if version == newest[document]]
