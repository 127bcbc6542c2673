"""The revision of a pipeline's collection, which only grows."""

import pytest
from tests.unit.pipelines import resource

from rag_operator.names import Manifest
from rag_operator.pipeline import RagPipeline


def revision(generation: int, collection: str, status: Manifest) -> tuple[str, int]:
    """Return what a pass makes of a spec and of the status that the pass before wrote."""
    found = resource(vectorStore={"collection": collection, "managed": {}})
    found["metadata"]["generation"] = generation
    collected = RagPipeline.model_validate({**found, "status": status}).collection
    return collected.name, collected.revision


def known(name: str, number: int) -> Manifest:
    return {"collection": {"name": name, "revision": number}}


@pytest.mark.parametrize(
    ("generation", "collection", "status", "expected"),
    [
        (1, "a", {}, 1),
        (7, "a", known("a", 1), 1),  # something else changed
        (8, "b", known("a", 1), 8),
        (9, "a", known("b", 8), 9),  # back again is a later collection
        (9, "b", {}, 9),  # the status was lost
    ],
)
def test_the_revision_grows_with_each_collection(
    generation: int, collection: str, status: Manifest, expected: int
) -> None:
    assert revision(generation, collection, status) == (collection, expected)
