"""What clients may say of a document, and how it is changed."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from rag_workloads.api.descriptions import MAX_METADATA_BYTES, Change, Metadata, Tags
from rag_workloads.library.documents import Description

TEAM = {"name": "x", "size": 3}
BEFORE = Description(file_name="a.pdf", tags=["old"], metadata={"year": 2025, "team": TEAM})
TAGS, METADATA = TypeAdapter(Tags), TypeAdapter(Metadata)


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({}, {}),
        ({"file_name": "../b.pdf"}, {"file_name": "b.pdf"}),
        ({"tags": ["b", "a", "b"]}, {"tags": ["b", "a"]}),
        ({"tags": None}, {"tags": []}),
        ({"metadata": None}, {"metadata": {}}),
        ({"metadata": {"year": 2026}}, {"metadata": {"year": 2026, "team": {"name": "x", "size": 3}}}),
        (
            {"metadata": {"year": None, "team": {"size": None, "lead": "y"}}},
            {"metadata": {"team": {"name": "x", "lead": "y"}}},
        ),
        ({"metadata": {"team": [1]}}, {"metadata": {"year": 2025, "team": [1]}}),
        ({"metadata": {"new": {"a": None, "b": 1}}}, {"metadata": {**BEFORE.metadata, "new": {"b": 1}}}),
    ],
)
def test_a_change_is_a_merge_patch(change: dict[str, Any], after: dict[str, Any]) -> None:
    assert Change.model_validate(change).apply(BEFORE) == BEFORE.model_copy(update=after)


def test_a_name_cannot_be_removed() -> None:
    with pytest.raises(ValueError, match="file_name cannot be removed"):
        Change(file_name=None).apply(BEFORE)
    assert Change.model_json_schema()["properties"]["file_name"]["type"] == "string"


def test_what_is_merged_is_bounded_too() -> None:
    full = BEFORE.model_copy(update={"metadata": {"text": "x" * (MAX_METADATA_BYTES - 20)}})
    with pytest.raises(ValueError, match="is larger than"):
        Change(metadata={"more": "y" * 20}).apply(full)


@pytest.mark.parametrize("tag", ["finance", "Grüße 2026", "a b c", "財務", "x" * 64])
def test_a_tag(tag: str) -> None:
    assert TAGS.validate_python([tag]) == [tag]


@pytest.mark.parametrize("tags", [[""], [" a"], ["a "], ["a  b"], ["a,b"], ["a\nb"], ["a\x00"], ["x" * 65]])
def test_no_tag(tags: list[str]) -> None:
    with pytest.raises(ValidationError):
        TAGS.validate_python(tags)


def test_too_many_tags() -> None:
    with pytest.raises(ValidationError):
        TAGS.validate_python([str(number) for number in range(33)])


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"a": "x" * 9000}, "is larger than"),
        ({"a": [[[[[[[[1]]]]]]]]}, "is nested deeper"),
        ([1], "valid dict"),
    ],
)
def test_metadata_is_a_small_flat_object(metadata: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        METADATA.validate_python(metadata)
