"""What is said of the claims that the pods mount."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.pipelines import find, pipeline, reindexing, run, site

from rag_operator.children import build
from rag_operator.evidence import Evidence, Failure, Observed
from rag_operator.indexes import decide
from rag_operator.names import Component, Manifest
from rag_operator.storage_condition import of_storage

CLAIM = "demo-objects"
UID = "a-claim"


def evidence(**status: Any) -> Evidence:
    """Return what is seen of a pipeline, one of whose claims has a status; the others are bound."""
    made = run(build(site(storage={"managed": {"size": "5Gi"}})))
    claim = find(made, "PersistentVolumeClaim", CLAIM)
    claim["metadata"]["uid"] = UID
    claim["status"] |= status
    return Evidence(pipeline(), decide(pipeline()), Observed(made))


def record(kind: str, reason: str, message: str, time: str = "2026-01-01T00:00:00Z") -> Manifest:
    return {
        "involvedObject": {"uid": UID},
        "type": kind,
        "reason": reason,
        "message": message,
        "lastTimestamp": time,
    }


def true(kind: str, message: str = "") -> list[Manifest]:
    return [{"type": kind, "status": "True", "message": message}]


WAITING = record("Normal", "WaitForFirstConsumer", "waiting for first consumer", "2026-01-01T00:00:09Z")
FAILED = record("Warning", "ProvisioningFailed", 'storageclass "fast" not found')
SMALL = {"capacity": {"storage": "1Gi"}}


@pytest.mark.parametrize(
    ("status", "records", "expected"),
    [
        ({}, [], ("True", "Bound", "demo-objects, demo-qdrant-data, demo-redis-data: bound")),
        ({"phase": "Pending"}, [], ("False", "Progressing", "claim demo-objects: it has no volume yet")),
        (
            {"phase": "Pending"},
            [WAITING],
            ("False", "Progressing", "claim demo-objects: waiting for first consumer"),
        ),
        (
            {"phase": "Pending"},
            [FAILED, WAITING],
            ("False", "ProvisioningFailed", 'claim demo-objects: storageclass "fast" not found'),
        ),
        (
            {"phase": "Lost"},
            [FAILED],
            (
                "False",
                "ClaimLost",
                "claim demo-objects: its volume is gone, and what was in it; "
                "delete the claim, and a new one is made",
            ),
        ),
        (SMALL, [], ("True", "Resizing", "claim demo-objects: it grows from 1Gi to 5Gi")),
        (
            SMALL | {"conditions": true("FileSystemResizePending")},
            [],
            ("True", "Resizing", "claim demo-objects: it grows from 1Gi to 5Gi once a pod mounts it anew"),
        ),
        (
            SMALL | {"conditions": true("ControllerResizeError", "no quota")},
            [],
            ("True", "ResizeFailed", "claim demo-objects: it grows from 1Gi to 5Gi; no quota"),
        ),
        (
            SMALL,
            [record("Warning", "VolumeResizeFailed", "no quota")],
            ("True", "VolumeResizeFailed", "claim demo-objects: it grows from 1Gi to 5Gi; no quota"),
        ),
        ({"capacity": {"storage": "8Gi"}}, [FAILED], ("True", "Bound", None)),
    ],
)
def test_the_claim_that_needs_somebody_most_is_told(
    status: Manifest, records: list[Manifest], expected: tuple[str, str, str | None]
) -> None:
    found = of_storage(replace(evidence(**status), records=records))
    assert (found.status, found.reason) == expected[:2]
    assert expected[2] in {None, found.message}
    assert found.doubtful == (expected[0] == "True" and expected[1] != "Bound")


def test_a_claim_that_somebody_deleted_is_told_while_it_is_used() -> None:
    seen = evidence()
    claim = find(list(seen.observed.children), "PersistentVolumeClaim", CLAIM)
    claim["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found = of_storage(seen)
    assert (found.status, found.reason, found.doubtful) == ("True", "ClaimTerminating", True)


def test_a_claim_that_is_refused_or_missing_is_told() -> None:
    seen = evidence(phase="Pending")
    failure = Failure("PersistentVolumeClaim", Component.REDIS, "exceeded quota")
    found = of_storage(replace(seen, failures=[failure]))
    assert (found.status, found.reason, found.message) == ("False", "ApplyFailed", "exceeded quota")
    left = [each for each in seen.observed.children if each["metadata"]["name"] != CLAIM]
    found = of_storage(replace(seen, observed=Observed(left)))
    assert (found.status, found.reason) == ("False", "NotCreated")
    assert found.message == "claim demo-objects is not created yet"


def test_the_claims_of_an_index_that_does_not_serve_are_told_by_it_alone() -> None:
    following = reindexing(pipeline())
    made = run(build(site(indexes=following, embedding={"model": "x", "managed": {"cache": {}}})))
    find(made, "PersistentVolumeClaim", "demo-model-cache-b")["status"] = {"phase": "Pending"}
    seen = Evidence(pipeline(), following, Observed(made))
    assert of_storage(seen).reason == "Bound"
    failure = Failure("PersistentVolumeClaim", Component.EMBEDDING_B, "exceeded quota")
    assert of_storage(replace(seen, failures=[failure])).reason == "Bound"
