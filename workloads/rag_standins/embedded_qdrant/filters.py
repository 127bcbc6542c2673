"""Qdrant's JSON filters as the engine's."""

# Some names of the engine's stubs exist for type checkers only.
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qdrant_edge as engine

from rag_standins.embedded_qdrant.booleans import encode
from rag_standins.embedded_qdrant.errors import bad_request

Json = dict[str, Any]

CLAUSES = ("must", "should", "must_not")

MATCHES: dict[str, Callable[[Any], engine.MatchType]] = {
    "value": lambda value: engine.MatchValue(encode(value)),
    "any": engine.MatchAny,
    "except": engine.MatchExcept,
    "text": engine.MatchText,
    "text_any": engine.MatchTextAny,
    "phrase": engine.MatchPhrase,
}


def parse_optional_filter(body: Json | None) -> engine.Filter | None:
    """A filter, or None where the request has none."""
    return None if body is None else parse_filter(body)


def parse_filter(body: Json) -> engine.Filter:
    """A filter."""
    if unknown := body.keys() - set(CLAUSES):
        raise bad_request(f"unsupported clause of a filter: {', '.join(sorted(unknown))}")
    must, should, must_not = (_conditions(body.get(clause)) for clause in CLAUSES)
    return engine.Filter(must, should, must_not)


def _conditions(body: Json | list[Json] | None) -> list[engine.ConditionType] | None:
    """A clause holds one condition or a list of them."""
    if body is None:
        return None
    return [_condition(condition) for condition in (body if isinstance(body, list) else [body])]


def _condition(body: Json) -> engine.ConditionType:
    match body:
        case {"key": str(key)}:
            return _field_condition(key, body)
        case {"has_id": ids}:
            return engine.HasIdCondition(set(ids))
        case {"is_empty": {"key": key}}:
            return engine.IsEmptyCondition(key)
        case {"is_null": {"key": key}}:
            return engine.IsNullCondition(key)
        case {"must": _} | {"should": _} | {"must_not": _}:
            return parse_filter(body)
        case _:
            raise bad_request(f"unsupported condition: {body}")


def _field_condition(key: str, body: Json) -> engine.FieldCondition:
    match body:
        case {"match": dict(match)} if match:
            return engine.FieldCondition(key, match=_match(match))
        case {"range": dict(bounds)}:
            return engine.FieldCondition(key, range=_range(bounds))
        case {"values_count": dict(counts)}:
            return engine.FieldCondition(key, values_count=engine.ValuesCount(**counts))
        case _:
            raise bad_request(f"unsupported condition on field {key}: {body}")


def _match(body: Json) -> engine.MatchType:
    ((kind, wanted),) = body.items()
    if kind not in MATCHES:
        raise bad_request(f"unsupported match: {kind}")
    return MATCHES[kind](wanted)


def _range(body: Json) -> engine.RangeType:
    """Numbers compare as numbers, strings as RFC 3339 times."""
    bounds = {name: bound for name, bound in body.items() if bound is not None}
    if any(isinstance(bound, str) for bound in bounds.values()):
        return engine.RangeDateTime(**bounds)
    return engine.RangeFloat(**bounds)
