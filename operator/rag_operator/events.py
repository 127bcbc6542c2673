"""The Events that a user reads in `kubectl describe`: one for each turn of a pipeline's readiness."""

from datetime import UTC, datetime

from rag_operator.conditions import PROGRESSING, READY, SUSPENDED
from rag_operator.names import FIELD_MANAGER, PIPELINE, Manifest
from rag_operator.pipeline import RagPipeline
from rag_operator.status import Condition, Status

# Reasons that are nobody's fault: nothing is ready at first, and somebody wanted the pods to stop.
_EXPECTED = {PROGRESSING, SUSPENDED}
MESSAGE_LIMIT = 1024  # of core/v1 Events


def ready_changed(pipeline: RagPipeline, status: Status, now: datetime | None = None) -> Manifest | None:
    """Return an Event when the status or the reason of Ready differs from what the pipeline had."""
    before, after = _ready(pipeline.status), _ready(status)
    if after is None or (before and (before.status, before.reason) == (after.status, after.reason)):
        return None
    present = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = pipeline.metadata
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
        "type": "Normal" if after.status == "True" or after.reason in _EXPECTED else "Warning",
        "reason": after.reason,
        "message": after.message[:MESSAGE_LIMIT],
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": present,
        "lastTimestamp": present,
        "count": 1,
    }


def _ready(status: Status) -> Condition | None:
    return next((each for each in status.conditions or () if each.type == READY), None)
