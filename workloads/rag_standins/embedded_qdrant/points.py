"""Points between JSON and the engine."""

# Some names of the engine's stubs exist for type checkers only.
from __future__ import annotations

from typing import Any

import qdrant_edge as engine

from rag_standins.embedded_qdrant.booleans import decode, encode
from rag_standins.embedded_qdrant.errors import bad_request

Json = dict[str, Any]


def parse_points(body: Json) -> list[engine.Point]:
    """The points of an upsert, in either of its shapes: `points`, a list, or `batch`, columns."""
    match body:
        case {"points": list(points)}:
            return [
                engine.Point(p["id"], parse_vectors(p["vector"]), encode(p.get("payload"))) for p in points
            ]
        case {"batch": dict(batch)}:
            return _points_of_columns(batch)
        case _:
            raise bad_request("an upsert needs `points` or `batch`")


def _points_of_columns(batch: Json) -> list[engine.Point]:
    ids, vectors = batch["ids"], batch["vectors"]
    rows = _rows(vectors) if isinstance(vectors, dict) else vectors
    payloads = batch.get("payloads") or [None] * len(ids)
    columns = zip(ids, rows, payloads, strict=True)
    return [engine.Point(id, parse_vectors(vector), encode(payload)) for id, vector, payload in columns]


def parse_vectors(body: list[float] | Json) -> engine.Vector:
    """A point's vectors: one, or several by their names, of which "" is that of one alone."""
    if isinstance(body, dict):
        return {name: parse_vector(vector) for name, vector in body.items()}
    return body


def parse_vector(body: list[float] | Json) -> engine.NamedVector:
    """A vector: all its numbers, or those that are not zero with their places."""
    if isinstance(body, dict):
        return engine.SparseVector(body["indices"], body["values"])
    return body


def _rows(columns: Json) -> list[Json]:
    """Named vectors, from a column for each name to a row for each point."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def payload_selector(wanted: bool | list[str] | Json | None, default: bool) -> engine.WithPayloadType:
    """`with_payload` of a request."""
    match wanted:
        case None:
            return default
        case {"include": fields}:
            return engine.PayloadSelector.Include(fields)
        case {"exclude": fields}:
            return engine.PayloadSelector.Exclude(fields)
        case bool() | list():
            return wanted
        case _:
            raise bad_request(f"unsupported with_payload: {wanted}")


def record_json(record: engine.Record | engine.ScoredPoint) -> Json:
    """A point as answered by retrieve and scroll."""
    body: Json = {"id": record.id}
    if record.payload is not None:
        body["payload"] = decode(record.payload)
    if record.vector is not None:
        body["vector"] = _vectors_json(record.vector)
    return body


def scored_json(point: engine.ScoredPoint) -> Json:
    """A point as answered by query."""
    return {**record_json(point), "version": point.version, "score": point.score}


def _vectors_json(vectors: engine.Vector) -> Json | engine.Vector:
    if isinstance(vectors, dict):
        return {name: _vector_json(vector) for name, vector in vectors.items()}
    return vectors


def _vector_json(vector: engine.NamedVector) -> Json | engine.NamedVector:
    if isinstance(vector, engine.SparseVector):
        return {"indices": vector.indices, "values": vector.values}
    return vector
