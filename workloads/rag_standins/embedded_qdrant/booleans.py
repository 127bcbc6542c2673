"""Booleans in payloads, kept as keywords.

The engine's Python binding (0.9.0) reads `MatchValue(True)` as the integer 1, which equals no stored boolean,
so that a filter on a boolean finds nothing. They are stored as two reserved keywords, and turned back on the
way out.
"""

from typing import Any

KEYWORDS = {True: "\0true", False: "\0false"}
BOOLEANS = {keyword: value for value, keyword in KEYWORDS.items()}


def encode(value: Any) -> Any:
    """The JSON value with its booleans as keywords, at any depth."""
    match value:
        case bool():
            return KEYWORDS[value]
        case dict():
            return {key: encode(item) for key, item in value.items()}
        case list():
            return [encode(item) for item in value]
        case _:
            return value


def decode(value: Any) -> Any:
    """The inverse of `encode`."""
    match value:
        case str():
            return BOOLEANS.get(value, value)
        case dict():
            return {key: decode(item) for key, item in value.items()}
        case list():
            return [decode(item) for item in value]
        case _:
            return value
