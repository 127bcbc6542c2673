"""What Events say of children of which nothing else does."""

import pytest

from rag_operator.names import Manifest
from rag_operator.pod_status import Problem
from rag_operator.recorded import is_unexplained, what_failed

UID = "0"


def record(reason: str, time: str, uid: str = UID) -> Manifest:
    return {"involvedObject": {"uid": uid}, "reason": reason, "message": f"at {time}", "lastTimestamp": time}


def claim(phase: str, capacity: str = "1Gi") -> Manifest:
    spec = {"resources": {"requests": {"storage": "1Gi"}}}
    status = {"phase": phase, "capacity": {"storage": capacity}}
    return {"kind": "PersistentVolumeClaim", "spec": spec, "status": status}


def stateful_set(made: int) -> Manifest:
    status = {"replicas": made, "readyReplicas": 0}
    return {"kind": "StatefulSet", "metadata": {"uid": UID}, "spec": {"replicas": 1}, "status": status}


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (claim("Bound"), False),
        (claim("Bound", "512Mi"), True),
        (claim("Pending"), True),
        (stateful_set(made=1), False),
        (stateful_set(made=0), True),
        ({**stateful_set(made=0), "kind": "Deployment"}, False),
        ({"kind": "Service"}, False),
    ],
)
def test_events_are_read_only_where_nothing_else_says_more(child: Manifest, expected: bool) -> None:
    assert is_unexplained(child) is expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], None),
        ([record("FailedCreate", "10:01"), record("FailedCreate", "10:02")], "at 10:02"),
        ([record("FailedCreate", "10:02"), record("SuccessfulCreate", "10:01")], "at 10:02"),
        ([record("FailedCreate", "10:01"), record("SuccessfulCreate", "10:02")], None),
        ([record("FailedCreate", "10:01", uid="of another")], None),
        ([record("Killing", "10:03"), record("FailedCreate", "10:01")], "at 10:01"),
    ],
)
def test_the_last_failure_counts_unless_a_pod_was_made_since(
    records: list[Manifest], expected: str | None
) -> None:
    found = what_failed(stateful_set(made=0), records)
    assert found == (Problem("FailedCreate", expected) if expected else None)


def test_of_an_event_that_goes_on_its_last_time_counts() -> None:
    going_on = record("FailedCreate", "10:01") | {"series": {"lastObservedTime": "10:03"}}
    found = what_failed(stateful_set(made=0), [going_on, record("SuccessfulCreate", "10:02")])
    assert found == Problem("FailedCreate", "at 10:01")
