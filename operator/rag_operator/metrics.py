"""The operator's own metrics."""

from contextlib import suppress

from prometheus_client import Counter, Gauge, Histogram

from rag_operator.conditions import READY
from rag_operator.pipeline import ObjectMeta
from rag_operator.status import Status

RECONCILES = Counter("ragpipeline_operator_reconciles_total", "Passes over a pipeline.", ["result"])
RECONCILE_SECONDS = Histogram("ragpipeline_operator_reconcile_duration_seconds", "Duration of a pass.")
ACTIONS = Counter("ragpipeline_operator_actions_total", "Steps of plans carried out.", ["verb", "kind"])
PIPELINE_READY = Gauge(
    "ragpipeline_ready", "Whether a pipeline's Ready condition is True.", ["namespace", "name"]
)


def observe_status(metadata: ObjectMeta, status: Status) -> None:
    """Take over whether a pipeline is ready."""
    ready = any(each.type == READY and each.status == "True" for each in status.conditions or ())
    PIPELINE_READY.labels(metadata.namespace, metadata.name).set(ready)


def forget(namespace: str, name: str) -> None:
    """Stop reporting a pipeline that is gone."""
    with suppress(KeyError):
        PIPELINE_READY.remove(namespace, name)
