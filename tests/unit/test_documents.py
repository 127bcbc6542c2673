import pickle

import pytest
from tests.records import document

from rag_workloads.library.documents import DocumentError, ErrorCode, Layout, State, generation_at


@pytest.mark.parametrize(
    ("fields", "progress"),
    [
        ({}, 0),
        ({"pages": 10, "pages_done": 5}, 15),
        ({"pages": 10, "pages_done": 10, "batches_done": 3}, 30),
        ({"pages": 10, "pages_done": 10, "batches": 4, "batches_done": 2}, 65),
        ({"pages": 10, "pages_done": 10, "batches": 4, "batches_done": 4}, 99),
        ({"state": State.COMPLETED}, 100),
    ],
)
def test_progress(fields: dict[str, object], progress: int) -> None:
    assert document(**fields).progress == progress


def test_an_error_survives_the_way_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(DocumentError(ErrorCode.PDF_CORRUPT, "broken", 3, "repair it")))
    assert (error.code, error.message, error.page, error.hint) == ("PDF_CORRUPT", "broken", 3, "repair it")


def test_a_layout_is_known_only_as_a_whole() -> None:
    assert document(chunk_size=200, chunk_overlap=40).layout is None
    whole = document(chunk_size=200, chunk_overlap=0, batch_size=32)
    assert whole.layout == Layout(chunk_size=200, chunk_overlap=0, batch_size=32)


def test_what_searches_see_may_be_in_another_file_and_collection() -> None:
    assert document().object_keys == {"documents/doc/00"}
    assert document().collections == set()
    replaced = document(collection="new", active_collection="old", active_object_key="documents/doc/99")
    assert replaced.object_keys == {"documents/doc/00", "documents/doc/99"}
    assert replaced.collections == {"new", "old"}


def test_a_generation_tells_when_it_can_have_begun_at_the_earliest() -> None:
    assert generation_at(1_700_000_000.25) == 1_700_000_000_250
    assert generation_at(1.0) < generation_at()
