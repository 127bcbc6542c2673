"""The Events that a user reads in `kubectl describe`: for each turn of a pipeline's readiness and index."""

from datetime import UTC, datetime

from rag_operator.index_condition import REINDEX_WAITS, REINDEXING
from rag_operator.movement import READY
from rag_operator.names import FIELD_MANAGER, PIPELINE, Manifest
from rag_operator.pipeline import ObjectMeta
from rag_operator.status import Condition, Indexes, Status
from rag_operator.storage_condition import RESIZING
from rag_operator.verdicts import PROGRESSING, ROLLING_OUT, SUSPENDED

# Reasons that ask nobody to do anything: all is well, not ready yet, or as somebody wanted it.
_EXPECTED = {READY, PROGRESSING, ROLLING_OUT, SUSPENDED, REINDEXING, REINDEX_WAITS, RESIZING}
# Reasons of a pipeline that is ready, between which it turns by what has Events of its own.
_ALIKE = {READY, REINDEXING}
MESSAGE_LIMIT = 1024  # of core/v1 Events


def ready_changed(
    metadata: ObjectMeta, previous: Status, status: Status, now: datetime | None = None
) -> Manifest | None:
    """Return an Event when the status or the reason of Ready differs from what the pipeline had."""
    before, after = _ready(previous), _ready(status)
    if after is None or (before and _is_same(before, after)):
        return None
    kind = "Normal" if after.reason in _EXPECTED else "Warning"
    return _event(metadata, kind, after.reason, after.message, now)


def indexes_changed(
    metadata: ObjectMeta, previous: Indexes, indexes: Indexes, now: datetime | None = None
) -> Manifest | None:
    """Return an Event when documents begin to be embedded anew, when all are, and when it is called off."""
    serving, before, after = indexes.serving.spec.collection, previous.next, indexes.next
    if previous.serving.spec.collection != serving:
        message = f"questions are answered from collection {serving}"
        return _event(metadata, "Normal", "ReindexCompleted", message, now)
    if after and (before is None or before.id != after.id):
        message = f"documents are embedded anew for collection {after.spec.collection}"
        return _event(metadata, "Normal", "ReindexStarted", message, now)
    if before and after is None:
        message = f"collection {before.spec.collection} is dropped before it was complete"
        return _event(metadata, "Normal", "ReindexCalledOff", message, now)
    return None


def _event(metadata: ObjectMeta, kind: str, reason: str, message: str, now: datetime | None) -> Manifest:
    present = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata.name}.", "namespace": metadata.namespace},
        "involvedObject": {
            "apiVersion": PIPELINE.api_version,
            "kind": PIPELINE.kind,
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
        },
        "type": kind,
        "reason": reason,
        "message": message[:MESSAGE_LIMIT],
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": present,
        "lastTimestamp": present,
        "count": 1,
    }


def _is_same(one: Condition, other: Condition) -> bool:
    return one.status == other.status and (one.reason == other.reason or {one.reason, other.reason} <= _ALIKE)


def _ready(status: Status) -> Condition | None:
    return next((each for each in status.conditions or () if each.type == READY), None)
