"""What only Events say: why a claim has no volume, and why a StatefulSet's pods are not made. Pure.

A Deployment tells it in a condition; these two have none. Events go after an hour, and are made again while
the cause lasts: where there is none, nothing is known.
"""

from collections.abc import Iterable, Sequence

from rag_operator.names import CLAIM, STATEFUL_SET, Manifest
from rag_operator.pod_status import Problem
from rag_operator.quantities import parse_quantity

FAILED_CREATE = "FailedCreate"


def is_unexplained(child: Manifest) -> bool:
    """Whether something keeps a child of which only Events say what."""
    status = child.get("status", {})
    if child["kind"] == CLAIM.kind:
        return bool(status.get("phase") != "Bound") or is_growing(child)
    is_stateful = bool(child["kind"] == STATEFUL_SET.kind)
    return is_stateful and int(status.get("replicas", 0)) < int(child["spec"].get("replicas", 1))


def is_growing(claim: Manifest) -> bool:
    """Whether a claim asks for more than its volume has."""
    there = parse_quantity(claim.get("status", {}).get("capacity", {}).get("storage", ""))
    wanted = parse_quantity(claim["spec"]["resources"]["requests"]["storage"])
    return there is not None and wanted is not None and there < wanted


def what_failed(child: Manifest, records: Sequence[Manifest]) -> Problem | None:
    """Return the last failure to make a pod of a child; None if one was made since."""
    last = _last(
        each for each in _about(child, records) if each["reason"] in {FAILED_CREATE, "SuccessfulCreate"}
    )
    return _problem(last) if last and last["reason"] == FAILED_CREATE else None


def what_warns(child: Manifest, records: Sequence[Manifest]) -> Problem | None:
    """Return the last warning about a child."""
    last = _last(each for each in _about(child, records) if each.get("type") == "Warning")
    return _problem(last) if last else None


def what_is_said(child: Manifest, records: Sequence[Manifest]) -> str:
    """Return what was last said about a child; "" if nothing was."""
    last = _last(_about(child, records))
    return str(last.get("message", "")) if last else ""


def _about(child: Manifest, records: Sequence[Manifest]) -> Iterable[Manifest]:
    uid = child["metadata"].get("uid")
    return (each for each in records if each["involvedObject"].get("uid") == uid)


def _last(records: Iterable[Manifest]) -> Manifest | None:
    return max(records, key=_time, default=None)


def _time(record: Manifest) -> str:
    """Return when an Event was last seen; writers differ in where they say it."""
    series = (record.get("series") or {}).get("lastObservedTime")
    return str(series or record.get("lastTimestamp") or record.get("eventTime") or "")


def _problem(record: Manifest) -> Problem:
    return Problem(record["reason"], str(record.get("message", "")))
