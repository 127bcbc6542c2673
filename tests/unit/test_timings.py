"""What a document took, as metrics."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from tests.records import document

from rag_workloads.library.documents import State
from rag_workloads.library.timings import count_completed

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: int) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def sums() -> dict[str, float]:
    """The seconds that were counted so far, by stage."""
    stages = ("queued", "parsing", "embedding", "indexing")
    found = {s: REGISTRY.get_sample_value("document_stage_seconds_sum", {"stage": s}) or 0 for s in stages}
    return found | {"all": REGISTRY.get_sample_value("document_searchable_seconds_sum") or 0}


def test_a_document_that_completes_tells_what_each_stage_took() -> None:
    before = sums()
    times = {"begun_at": BEGUN, "taken_up_at": after(1), "cut_at": after(3), "embedded_at": after(7)}
    count_completed(document(state=State.COMPLETED, completed_at=after(15), **times))
    grown = {stage: seconds - before[stage] for stage, seconds in sums().items()}
    assert grown == pytest.approx({"queued": 1, "parsing": 2, "embedding": 4, "indexing": 8, "all": 15})


def test_a_record_that_does_not_say_when_it_was_begun_is_left_out() -> None:
    before = sums()
    count_completed(document(state=State.COMPLETED, completed_at=after(15)))
    assert sums() == before
