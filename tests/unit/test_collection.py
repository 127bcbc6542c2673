"""The revision of a pipeline's collection, which only grows."""

import pytest
from tests.unit.pipelines import resource

from rag_operator.names import Manifest
from rag_operator.pipeline import RagPipeline

BORN = 1_800_000_000
CREATED, LATER = "2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z"


def revision(generation: int, collection: str, status: Manifest, created: str = CREATED) -> tuple[str, int]:
    """Return what a pass makes of a spec and of the status that the pass before wrote."""
    found = resource(vectorStore={"collection": collection, "managed": {}})
    found["metadata"] |= {"generation": generation, "creationTimestamp": created}
    collected = RagPipeline.model_validate({**found, "status": status}).collection
    return collected.name, collected.revision


def known(name: str, number: int) -> Manifest:
    return {"collection": {"name": name, "revision": number}}


@pytest.mark.parametrize(
    ("generation", "collection", "status", "expected"),
    [
        (1, "a", {}, BORN + 1),
        (7, "a", known("a", BORN + 1), BORN + 1),  # something else changed
        (8, "b", known("a", BORN + 1), BORN + 8),
        (9, "a", known("b", BORN + 8), BORN + 9),  # back again is a later collection
        (9, "b", {}, BORN + 9),  # the status was lost
        (7, "a", known("a", 3), 3),  # revisions of a release before this one
        (8, "b", known("a", 3), BORN + 8),
    ],
)
def test_the_revision_grows_with_each_collection(
    generation: int, collection: str, status: Manifest, expected: int
) -> None:
    assert revision(generation, collection, status) == (collection, expected)


def test_a_pipeline_made_anew_under_the_same_name_has_the_later_collection() -> None:
    anew = revision(1, "b", {}, created=LATER)
    assert anew[1] > revision(40, "b", known("a", BORN + 1))[1]
