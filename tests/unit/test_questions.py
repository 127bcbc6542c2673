"""What is a question: exactly what the schema says that it is."""

from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from rag_workloads.api.questions import Question

SCHEMA = Question.model_json_schema()


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ({"query": " \n Why? \t"}, "Why?"),
        ({"query": "Why?", "top_k": 5.0}, "Why?"),
        ({"query": "Why?", "top_k": None, "stream": True}, "Why?"),
        ({"query": "x" * 4000}, "x" * 4000),
        ({"query": "\u3000\ufeff\x1c"}, "\u3000\ufeff\x1c"),
    ],
)
def test_what_the_schema_allows_is_asked(body: dict[str, Any], query: str) -> None:
    jsonschema.validate(body, SCHEMA)
    assert Question.model_validate(body).query == query


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": ""},
        {"query": " \r\n\t"},
        {"query": "x" + " " * 4000},
        {"query": 1},
        {"query": "Why?", "top_k": 5.5},
        {"query": "Why?", "top_k": "5"},
        {"query": "Why?", "top_k": True},
        {"query": "Why?", "top_k": 101.0},
        {"query": "Why?", "stream": 1},
        {"query": "Why?", "page": 1},
    ],
)
def test_what_the_schema_does_not_allow_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, SCHEMA)
    with pytest.raises(ValidationError):
        Question.model_validate(body)
