"""The operator's own metrics."""

from collections.abc import Iterable, Mapping

from prometheus_client import Counter, Gauge, Histogram

from rag_operator.conditions import CONDITIONS
from rag_operator.movement import READY as READY_CONDITION
from rag_operator.names import PARTS
from rag_operator.pipeline import ObjectMeta
from rag_operator.status import Status

RECONCILES = Counter("ragpipeline_operator_reconciles_total", "Passes over a pipeline.", ["result"])
RECONCILE_SECONDS = Histogram("ragpipeline_operator_reconcile_duration_seconds", "Duration of a pass.")
ACTIONS = Counter(
    "ragpipeline_operator_actions_total",
    "Steps of plans carried out; of `check`, those that put an edit right.",
    ["verb", "kind"],
)
WAITING = Gauge("ragpipeline_operator_queue_depth", "Pipelines that wait for a pass.")
WAIT_SECONDS = Histogram(
    "ragpipeline_operator_queue_wait_seconds", "Time that a pipeline waited for its pass."
)
FAILED_PASSES = Gauge(
    "ragpipeline_failed_passes", "Passes over a pipeline in a row that failed.", ["namespace", "pipeline"]
)
CONDITION = Gauge(
    "ragpipeline_condition",
    "Whether a condition of a pipeline is True; but for Ready, not told while it is Unknown.",
    ["namespace", "pipeline", "type"],
)
WANTED = Gauge(
    "ragpipeline_replicas_wanted",
    "Pods that a component should have.",
    ["namespace", "pipeline", "component"],
)
READY = Gauge(
    "ragpipeline_replicas_ready",
    "Pods of a component that are ready.",
    ["namespace", "pipeline", "component"],
)


def observe_status(metadata: ObjectMeta, status: Status) -> None:
    """Take over a pipeline's conditions and pods."""
    known = (
        each for each in status.conditions or () if each.status != "Unknown" or each.type == READY_CONDITION
    )
    conditions = {each.type: each.status == "True" for each in known}
    _show(CONDITION, metadata, CONDITIONS, conditions)
    pods = {name: each.ready.partition("/") for name, each in (status.components or {}).items()}
    _show(READY, metadata, PARTS, {name: int(ready) for name, (ready, _, _) in pods.items()})
    _show(WANTED, metadata, PARTS, {name: int(wanted) for name, (_, _, wanted) in pods.items()})


def forget(namespace: str, name: str) -> None:
    """Stop reporting a pipeline that is gone."""
    for gauge in (CONDITION, READY, WANTED, FAILED_PASSES):
        gauge.remove_by_labels({"namespace": namespace, "pipeline": name})


def _show(gauge: Gauge, metadata: ObjectMeta, known: Iterable[str], values: Mapping[str, int]) -> None:
    """Set what has a value, and take away what has none any more; a scrape may come at any time between."""
    for name in known:
        labels = metadata.namespace, metadata.name, name
        if name in values:
            gauge.labels(*labels).set(values[name])
        else:
            gauge.remove(*labels)
