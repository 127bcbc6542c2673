"""Sparse vectors and fusion of the embedded server, beside Qdrant's client, which does the same in memory."""

import math
from typing import Any

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient, models

POINTS = 40
RNG = np.random.default_rng(7)
# Few words for so many points, so that some are rare and some are not.
WORDS = np.array([3, 17, 1 << 20, (1 << 32) - 1])

MEANING = models.NearestQuery(nearest=[1.0, 0.2, 0.0])
BY_WORDS: dict[str, Any] = {
    "query": models.NearestQuery(nearest=models.SparseVector(indices=WORDS[[3, 0]].tolist(), values=[1, 1])),
    "using": "text",
}
ODD = models.Filter(must=[models.FieldCondition(key="odd", match=models.MatchValue(value=True))])


def points() -> list[models.PointStruct]:
    """Points whose scores are all different."""
    made = []
    for id in range(POINTS):
        held = sorted(RNG.choice(WORDS, size=1 + id % 3, replace=False).tolist())
        words = models.SparseVector(indices=held, values=(RNG.random(len(held)) + 0.1).tolist())
        vector = {"": RNG.normal(size=3).tolist(), "text": words}
        made.append(models.PointStruct(id=id, vector=vector, payload={"odd": id % 2 == 1}))
    return made


async def filled(client: AsyncQdrantClient, name: str) -> None:
    await client.create_collection(
        name,
        vectors_config=models.VectorParams(size=3, distance=models.Distance.COSINE),
        sparse_vectors_config={"text": models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
    await client.upsert(name, MADE)


MADE = points()


def fused(query: models.Query, limit: int = 20, **legs: Any) -> dict[str, Any]:
    """Both legs, and what is made of them."""
    prefetch = [
        models.Prefetch(query=MEANING, limit=limit, **legs),
        models.Prefetch(**BY_WORDS, limit=limit, **legs),
    ]
    return {"prefetch": prefetch, "query": query}


RRF = fused(models.FusionQuery(fusion=models.Fusion.RRF))


@pytest.mark.parametrize(
    "query",
    [
        BY_WORDS,
        {**BY_WORDS, "query_filter": ODD},
        {**BY_WORDS, "score_threshold": 0.5},
        RRF,
        fused(models.RrfQuery(rrf=models.Rrf(k=60))),
        fused(models.RrfQuery(rrf=models.Rrf(k=60)), limit=5),
        fused(models.RrfQuery(rrf=models.Rrf()), filter=ODD),
        {"prefetch": models.Prefetch(**RRF, limit=10), "query": MEANING},
        {"prefetch": models.Prefetch(**RRF, limit=10), **BY_WORDS},
    ],
)
async def test_the_same_points_are_found_with_the_same_scores(
    qdrant_url: str, collection: str, query: dict[str, Any]
) -> None:
    local = AsyncQdrantClient(":memory:")
    remote = AsyncQdrantClient(url=qdrant_url, check_compatibility=False)
    if not await remote.collection_exists(collection):
        await filled(remote, collection)
    await filled(local, collection)
    ours, theirs = [
        {p.id: p.score for p in (await each.query_points(collection, limit=POINTS, **query)).points}
        for each in (remote, local)
    ]
    assert len(ours) > 2
    assert ours == pytest.approx(theirs, rel=1e-4)
    await local.close()
    await remote.close()


async def test_what_is_found_once_for_a_batch_is_scored_as_if_it_was_searched_again(
    qdrant_url: str, collection: str
) -> None:
    client = AsyncQdrantClient(url=qdrant_url, check_compatibility=False)
    ranked = models.Prefetch(**RRF, limit=10)
    searches = [
        models.QueryRequest(**RRF, limit=10),
        models.QueryRequest(query=MEANING, prefetch=ranked),
        models.QueryRequest(**BY_WORDS, prefetch=[ranked], filter=ODD, limit=5),
        models.QueryRequest(query=MEANING, prefetch=models.Prefetch(**RRF, limit=5)),
    ]
    together = await client.query_batch_points(collection, searches)
    alone = [(await client.query_batch_points(collection, [each]))[0] for each in searches]
    scores = [[{p.id: p.score for p in each.points} for each in answers] for answers in (together, alone)]
    assert scores[0] == scores[1]
    assert [len(each.points) for each in together[:2]] == [10, 10]
    assert 0 < len(together[2].points) <= 5 == len(together[3].points)
    await client.close()


async def test_several_queries_are_answered_at_once_and_vectors_come_back(
    qdrant_url: str, collection: str
) -> None:
    client = AsyncQdrantClient(url=qdrant_url, check_compatibility=False)
    first, second = await client.query_batch_points(
        collection,
        [models.QueryRequest(query=MEANING, limit=3), models.QueryRequest(**BY_WORDS, limit=3)],
    )
    assert len(first.points) == len(second.points) == 3
    (record,) = await client.retrieve(collection, [5], with_vectors=True)
    assert isinstance(record.vector, dict)
    words = record.vector["text"]
    written = MADE[5].vector
    assert isinstance(words, models.SparseVector)
    assert isinstance(written, dict)
    expected = written["text"]
    assert isinstance(expected, models.SparseVector)
    assert words.indices == expected.indices
    assert all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(words.values, expected.values, strict=True))
    config = (await client.get_collection(collection)).config
    assert config.params.sparse_vectors == {"text": models.SparseVectorParams(modifier=models.Modifier.IDF)}
    await client.close()
