import pickle

import pytest
from tests.unit.records import document

from rag_workloads.library.documents import DocumentError, ErrorCode, State


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


def test_all_batches_are_done_only_once_their_number_is_known() -> None:
    assert not document(batches_done=2).all_batches_done
    assert not document(batches=3, batches_done=2).all_batches_done
    assert document(batches=3, batches_done=3).all_batches_done


def test_an_error_survives_the_way_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(DocumentError(ErrorCode.PDF_CORRUPT, "broken", 3, "repair it")))
    assert (error.code, error.message, error.page, error.hint) == ("PDF_CORRUPT", "broken", 3, "repair it")
