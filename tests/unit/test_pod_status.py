"""What keeps a pod from serving."""

import pytest

from rag_operator.names import Manifest
from rag_operator.pod_status import Problem, problem_of


def pod(*containers: Manifest, **parts: Manifest) -> Manifest:
    statuses = [{"name": "api", "ready": False, **each} for each in containers]
    return {"metadata": {"name": "demo-api-x"}, "status": {"containerStatuses": statuses, **parts}}


def waiting(reason: str, message: str | None = None) -> Manifest:
    return {"state": {"waiting": {"reason": reason} | ({"message": message} if message else {})}}


def ended(code: int, reason: str = "Error", message: str = "") -> Manifest:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


REFUSED = ended(1, message="INFO starting\n\nthe collection docs is another's\n")
SAYS = Problem("CrashLoopBackOff", "container api: the collection docs is another's")


@pytest.mark.parametrize(
    "container",
    [
        {"state": REFUSED},
        {"state": {"running": {}}, "lastState": REFUSED},
        {**waiting("CrashLoopBackOff", "back-off 10s restarting failed container"), "lastState": REFUSED},
    ],
    ids=["ended", "running again", "waiting for its next start"],
)
def test_the_last_words_of_a_container_are_told_through_its_whole_cycle(container: Manifest) -> None:
    assert problem_of(pod(container)) == SAYS


@pytest.mark.parametrize(
    ("container", "problem"),
    [
        (waiting("ErrImagePull", "no such image"), Problem("ErrImagePull", "container api: no such image")),
        (
            {**waiting("ErrImagePull"), "lastState": REFUSED},
            Problem("ErrImagePull", "container api: ErrImagePull"),
        ),
        (
            {"state": ended(137, "OOMKilled")},
            Problem("OOMKilled", "container api: it ended with exit code 137"),
        ),
        (
            {**waiting("CrashLoopBackOff", "back-off"), "lastState": ended(0, "Completed")},
            Problem("CrashLoopBackOff", "container api: back-off"),
        ),
        (waiting("ContainerCreating"), None),
        ({"state": {"running": {}}}, None),
        ({"state": ended(0, "Completed")}, None),
        ({"ready": True, "state": {"running": {}}, "lastState": REFUSED}, None),
    ],
)
def test_a_container(container: Manifest, problem: Problem | None) -> None:
    assert problem_of(pod(container)) == problem


def test_last_words_are_bounded() -> None:
    found = problem_of(pod({"state": ended(1, message="x" * 4096)}))
    assert found == Problem("CrashLoopBackOff", f"container api: {'x' * 300}")


def test_a_pod_without_a_node_says_why() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
    found = pod()
    found["status"]["conditions"] = [unscheduled]
    assert problem_of(found) == Problem("Unschedulable", "no cpu")


def test_a_pod_on_its_way_out_has_no_problem() -> None:
    leaving, gone = pod({"state": REFUSED}), pod({"state": REFUSED})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    gone["status"]["phase"] = "Failed"
    assert problem_of(leaving) is None
    assert problem_of(gone) is None
