"""Every change: from the JSON of its route, or of one entry of /points/batch, to the engine's operation."""

# Some names of the engine's stubs exist for type checkers only.
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qdrant_edge as engine

from rag_standins.embedded_qdrant.booleans import encode
from rag_standins.embedded_qdrant.errors import bad_request
from rag_standins.embedded_qdrant.filters import parse_filter, parse_optional_filter
from rag_standins.embedded_qdrant.points import parse_points

Json = dict[str, Any]
Operation = engine.UpdateOperation

# Booleans are kept as keywords, see booleans.py.
INDEX_TYPES = {
    "keyword": engine.PayloadSchemaType.Keyword,
    "integer": engine.PayloadSchemaType.Integer,
    "float": engine.PayloadSchemaType.Float,
    "bool": engine.PayloadSchemaType.Keyword,
    "text": engine.PayloadSchemaType.Text,
    "datetime": engine.PayloadSchemaType.Datetime,
    "uuid": engine.PayloadSchemaType.Uuid,
}

UPDATE_MODES = {
    "upsert": engine.UpdateMode.Upsert,
    "insert_only": engine.UpdateMode.InsertOnly,
    "update_only": engine.UpdateMode.UpdateOnly,
}


def upsert(body: Json) -> Operation:
    """Insert points or replace them; those there that do not match `update_filter` stay as they are."""
    mode = body.get("update_mode") or "upsert"
    if mode not in UPDATE_MODES:
        raise bad_request(f"unknown update_mode: {mode}")
    points, condition = parse_points(body), parse_optional_filter(body.get("update_filter"))
    return Operation.upsert_points(points, condition, UPDATE_MODES[mode])


def delete(body: Json) -> Operation:
    """Delete the selected points."""
    selected = _selection(body)
    if isinstance(selected, engine.Filter):
        return Operation.delete_points_by_filter(selected)
    return Operation.delete_points(selected)


def set_payload(body: Json) -> Operation:
    """Set fields of the selected points' payloads; the others stay."""
    selected, payload, key = _selection(body), encode(body["payload"]), body.get("key")
    if isinstance(selected, engine.Filter):
        return Operation.set_payload_by_filter(selected, payload, key)
    return Operation.set_payload(selected, payload, key)


def overwrite_payload(body: Json) -> Operation:
    """Replace the selected points' payloads."""
    selected, payload = _selection(body), encode(body["payload"])
    if isinstance(selected, engine.Filter):
        return Operation.overwrite_payload_by_filter(selected, payload)
    return Operation.overwrite_payload(selected, payload)


def delete_payload(body: Json) -> Operation:
    """Remove fields from the selected points' payloads."""
    selected, keys = _selection(body), body["keys"]
    if isinstance(selected, engine.Filter):
        return Operation.delete_payload_by_filter(selected, keys)
    return Operation.delete_payload(selected, keys)


def clear_payload(body: Json) -> Operation:
    """Remove the selected points' payloads."""
    selected = _selection(body)
    if isinstance(selected, engine.Filter):
        return Operation.clear_payload_by_filter(selected)
    return Operation.clear_payload(selected)


BY_NAME: dict[str, Callable[[Json], Operation]] = {
    builder.__name__: builder
    for builder in (upsert, delete, set_payload, overwrite_payload, delete_payload, clear_payload)
}


def parse_batch(body: Json) -> list[Operation]:
    """The operations of /points/batch, in order."""
    operations = []
    for entry in body["operations"]:
        ((name, arguments),) = entry.items()
        if name not in BY_NAME:
            raise bad_request(f"unsupported operation: {name}")
        operations.append(BY_NAME[name](arguments))
    return operations


def create_index(body: Json) -> Operation:
    """Index a payload field by its type; parameters of the index do not change answers and are not kept."""
    schema = body["field_schema"]
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind not in INDEX_TYPES:
        raise bad_request(f"unsupported type of a payload index: {kind}")
    return Operation.create_field_index(body["field_name"], INDEX_TYPES[kind])


def delete_index(field: str) -> Operation:
    """Drop the index of a payload field."""
    return Operation.delete_field_index(field)


def _selection(body: Json) -> list[engine.PointId] | engine.Filter:
    """The points that a change is about: ids, or a filter."""
    match body:
        case {"points": list(ids)}:
            return ids
        case {"filter": dict(condition)}:
            return parse_filter(condition)
        case _:
            raise bad_request("name the points by `points` or by `filter`")
