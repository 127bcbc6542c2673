"""What clients see of a record."""

from datetime import UTC, datetime

import pytest
from tests.records import document

from rag_workloads.api.views import DocumentView, TaskStatus
from rag_workloads.library.documents import ErrorCode, State

# What is ours alone: where files are, and how often work was lost or begun.
HIDDEN = {
    "object_key",
    "active_object_key",
    "recoveries",
    "generation",
    "revision",
    "deleting",
}


def test_a_view_has_nothing_of_the_stores() -> None:
    seen = DocumentView.of(document(), "manual").model_dump()
    assert not HIDDEN & seen.keys()
    assert (seen["task_id"], seen["progress"], seen["error"], seen["warnings"]) == ("doc.1", 0, None, [])


@pytest.mark.parametrize(
    ("fields", "collection", "searchable"),
    [
        ({}, None, False),
        ({"collection": "new"}, "new", False),
        ({"collection": "new", "active_collection": "new", "active_generation": 1}, "new", True),
        ({"collection": "new", "active_collection": "old", "active_generation": 1}, "old", False),
    ],
)
def test_a_document_of_another_collection_is_not_searchable(
    fields: dict[str, object], collection: str | None, searchable: bool
) -> None:
    view = DocumentView.of(document(**fields), "new")
    assert (view.collection, view.searchable) == (collection, searchable)


CREATED = datetime(2026, 11, 30, 12, tzinfo=UTC)
FIRST = int(CREATED.timestamp() * 1000)


@pytest.mark.parametrize(
    ("task", "code"),
    [
        (1, None),
        (FIRST - 60_000, None),
        (FIRST, ErrorCode.SUPERSEDED),
        (FIRST + 1, ErrorCode.SUPERSEDED),
        (FIRST + 2, ErrorCode.PDF_CORRUPT),
        (FIRST + 3, None),
    ],
)
def test_a_task_is_superseded_only_if_there_was_one(task: int, code: ErrorCode | None) -> None:
    failed = {"state": State.FAILED, "error_code": ErrorCode.PDF_CORRUPT, "error_message": "why"}
    found = TaskStatus.find(document(task=FIRST + 2, created_at=CREATED, **failed), task)
    assert (found and found.error and found.error.code) == code


def test_warnings_and_errors_are_shown_with_their_page() -> None:
    warned = document(warnings='[{"page": 2, "code": "PDF_CORRUPT", "message": "why"}]', warnings_total=1)
    assert DocumentView.of(warned, "c").model_dump()["warnings"] == [
        {"page": 2, "code": ErrorCode.PDF_CORRUPT, "message": "why"}
    ]
    failed = document(state=State.FAILED, error_code=ErrorCode.PDF_CORRUPT, error_message="why", error_page=3)
    assert DocumentView.of(failed, "c").model_dump()["error"] == {
        "code": ErrorCode.PDF_CORRUPT,
        "message": "why",
        "page": 3,
        "hint": None,
    }
