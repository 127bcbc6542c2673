"""What keeps a pod from serving, as its status tells it. Pure."""

from typing import NamedTuple

from rag_operator.names import Manifest

CRASHING = "CrashLoopBackOff"
# Reasons why a container waits that pass by themselves.
_STARTING = {"ContainerCreating", "PodInitializing"}
# Reasons why a container ended that say no more than that it did.
_PLAIN_ENDS = {"Error", "Completed"}
# A process says in a sentence why it gives up; what its log ends with may be longer.
_SENTENCE_CHARACTERS = 300


class Problem(NamedTuple):
    """Why pods do not serve: one CamelCase word, and a sentence."""

    reason: str
    message: str


def problem_of(pod: Manifest) -> Problem | None:
    """Return what keeps a pod from serving, if more than its start does; None for one that is leaving."""
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"] or status.get("phase") in {"Failed", "Succeeded"}:
        return None
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return Problem(
                condition.get("reason", "Unschedulable"), condition.get("message", "it has no node")
            )
    for container in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        if not container.get("ready") and (found := _container_problem(container)):
            return Problem(found.reason, f"container {container['name']}: {found.message}")
    return None


def _container_problem(container: Manifest) -> Problem | None:
    state = container.get("state", {})
    waiting = state.get("waiting", {})
    ended = state.get("terminated") or container.get("lastState", {}).get("terminated") or {}
    reason = waiting.get("reason", "")
    if reason not in {"", CRASHING, *_STARTING}:
        return Problem(reason, waiting.get("message", reason))
    if ended.get("exitCode"):
        return _failure(ended)
    return (
        Problem(CRASHING, waiting.get("message", "it ends again and again")) if reason == CRASHING else None
    )


def _failure(ended: Manifest) -> Problem:
    """Return the last words of a container, which stay the same until it serves or ends again."""
    reason = ended.get("reason", "")
    lines = [line.strip() for line in ended.get("message", "").splitlines() if line.strip()]
    said = lines[-1][:_SENTENCE_CHARACTERS] if lines else f"it ended with exit code {ended['exitCode']}"
    return Problem(CRASHING if reason in {"", *_PLAIN_ENDS} else reason, said)
