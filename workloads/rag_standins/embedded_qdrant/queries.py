"""Queries: from the JSON of /points/query, prefetches and fusion with it, to the engine's request."""

# Some names of the engine's stubs exist for type checkers only.
from __future__ import annotations

from typing import Any

import qdrant_edge as engine

from rag_standins.embedded_qdrant.errors import bad_request
from rag_standins.embedded_qdrant.filters import parse_optional_filter
from rag_standins.embedded_qdrant.points import parse_vector, payload_selector

Json = dict[str, Any]
Found = list[engine.ScoredPoint]

# What says which points a search finds.
FINDING = ("query", "using", "prefetch", "filter", "limit", "offset", "score_threshold")
DEFAULT_LIMIT = 10
# Qdrant's own: the first of a list counts 1/2, the second 1/3.
DEFAULT_RRF_K = 2


def parse_query(body: Json) -> engine.QueryRequest:
    """A query of points."""
    return engine.QueryRequest(
        limit=body.get("limit") or DEFAULT_LIMIT,
        offset=body.get("offset"),
        query=_scoring(body),
        prefetches=_prefetches(body),
        filter=parse_optional_filter(body.get("filter")),
        score_threshold=body.get("score_threshold"),
        with_payload=payload_selector(body.get("with_payload"), default=False),
        with_vector=body.get("with_vector"),
    )


def run_batch(shard: engine.EdgeShard, searches: list[Json]) -> list[Found]:
    """What each search finds; where it scores anew what one before it found, nothing is searched again."""
    answers: list[Found] = []
    for search in searches:
        earlier = zip(searches, answers, strict=False)
        scored = next((found for each, found in earlier if _is_prefetch(each, search)), None)
        answers.append(shard.query(parse_query(search if scored is None else _among(scored, search))))
    return answers


def _is_prefetch(search: Json, other: Json) -> bool:
    """Whether a search is all that the other one scores: a filter there would be the prefetch's too."""
    match _listed(other.get("prefetch")):
        case [prefetch] if not other.get("filter"):
            return all(search.get(key) == prefetch.get(key) for key in FINDING)
    return False


def _among(points: Found, search: Json) -> Json:
    """The search with its prefetch made."""
    return {**search, "prefetch": None, "filter": {"must": {"has_id": [point.id for point in points]}}}


def _prefetches(body: Json) -> list[engine.Prefetch]:
    """What is searched first, and then scored by the query around it: one or a list, each with its own."""
    return [_prefetch(each) for each in _listed(body.get("prefetch"))]


def _listed(given: Json | list[Json] | None) -> list[Json]:
    """What may be given alone, in a list, or not at all."""
    return given if isinstance(given, list) else [given] if given else []


def _prefetch(body: Json) -> engine.Prefetch:
    return engine.Prefetch(
        limit=body.get("limit") or DEFAULT_LIMIT,
        query=_scoring(body),
        prefetches=_prefetches(body),
        filter=parse_optional_filter(body.get("filter")),
        score_threshold=body.get("score_threshold"),
    )


def _scoring(body: Json) -> Any:
    """By what points are scored; the stubs do not say that Fusion's kinds are queries."""
    query: Any = body.get("query")
    match query:
        case {"fusion": "rrf"}:
            return engine.Fusion.Rrf(DEFAULT_RRF_K)
        case {"rrf": parameters}:
            return engine.Fusion.Rrf(parameters.get("k") or DEFAULT_RRF_K, parameters.get("weights"))
        case {"fusion": "dbsf"}:
            return engine.Fusion.Dbsf()
        case {"nearest": vector} | (list() as vector) | ({"indices": _} as vector):
            return engine.Query.Nearest(parse_vector(vector), body.get("using"))
        case _:
            raise bad_request("the embedded server answers queries by one vector, or by fusion")
