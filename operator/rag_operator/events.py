"""The Events that a user reads in `kubectl describe`: one for each turn of a pipeline's readiness."""

from datetime import UTC, datetime

from rag_operator.conditions import PROGRESSING, READY, ROLLING_OUT, SUSPENDED
from rag_operator.names import FIELD_MANAGER, PIPELINE, Manifest
from rag_operator.pipeline import ObjectMeta
from rag_operator.status import Condition, Status

# Reasons that ask nobody to do anything: all is well, not ready yet, or as somebody wanted it.
_EXPECTED = {READY, PROGRESSING, ROLLING_OUT, SUSPENDED}
MESSAGE_LIMIT = 1024  # of core/v1 Events


def ready_changed(
    metadata: ObjectMeta, previous: Status, status: Status, now: datetime | None = None
) -> Manifest | None:
    """Return an Event when the status or the reason of Ready differs from what the pipeline had."""
    before, after = _ready(previous), _ready(status)
    if after is None or (before and (before.status, before.reason) == (after.status, after.reason)):
        return None
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
        "type": "Normal" if after.reason in _EXPECTED else "Warning",
        "reason": after.reason,
        "message": after.message[:MESSAGE_LIMIT],
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": present,
        "lastTimestamp": present,
        "count": 1,
    }


def _ready(status: Status) -> Condition | None:
    return next((each for each in status.conditions or () if each.type == READY), None)
