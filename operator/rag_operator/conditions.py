"""The conditions of a pipeline: what each means, its reasons, and how they roll up into Ready. Pure.

SecretsResolved   every Secret that the pipeline refers to exists, with its key; nothing is changed before.
QueueReady        Redis answers; True for one that runs elsewhere, which the API's own readiness checks.
VectorStoreReady  Qdrant answers; True for one that runs elsewhere.
EmbeddingReady    at least one embedding pod serves.
LLMReady          at least one LLM pod serves. Absent when the pipeline has no language model.
WorkersReady      at least one worker runs, or none is wanted.
ApiReady          at least one API pod serves.
AutoscalingReady  KEDA scales the embedding pods. Absent when their number is fixed.
Ready             all of the above; copies reason and message of the first that is not True.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from rag_operator.evidence import Evidence, Workload
from rag_operator.names import SCALED_OBJECT, Component
from rag_operator.status import Condition

READY = "Ready"
SUSPENDED = "Suspended"


class Verdict(NamedTuple):
    """What one condition says."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


def conditions(
    evidence: Evidence, previous: Sequence[Condition] = (), now: datetime | None = None
) -> list[Condition]:
    """Return all conditions; the transition time of one moves only when its status does."""
    verdicts = {name: verdict for name, judge in TABLE if (verdict := judge(evidence))}
    verdicts[READY] = _roll_up(list(verdicts.values()))
    times = {(each.type, each.status): each.last_transition_time for each in previous}
    present = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        Condition(
            type=name,
            status=verdict.status,
            reason=verdict.reason,
            message=verdict.message,
            last_transition_time=times.get((name, verdict.status), present),
            observed_generation=evidence.pipeline.metadata.generation,
        )
        for name, verdict in verdicts.items()
    ]


def _roll_up(verdicts: Sequence[Verdict]) -> Verdict:
    failing = next((verdict for verdict in verdicts if verdict.status != "True"), None)
    if failing:
        return Verdict("False", failing.reason, failing.message)
    return Verdict("True", "Ready", "the pipeline takes documents and answers questions")


def _secrets(evidence: Evidence) -> Verdict:
    if evidence.unresolved:
        return Verdict("False", evidence.unresolved.reason, evidence.unresolved.message)
    return Verdict("True", "Resolved", "every Secret that the pipeline refers to was found")


def _queue(evidence: Evidence) -> Verdict:
    if evidence.spec.queue.external:
        return Verdict("True", "External", "Redis runs elsewhere")
    return _workload(evidence, Component.REDIS)


def _vector_store(evidence: Evidence) -> Verdict:
    if evidence.spec.vector_store.external:
        return Verdict("True", "External", "Qdrant runs elsewhere")
    return _workload(evidence, Component.QDRANT)


def _llm(evidence: Evidence) -> Verdict | None:
    if evidence.spec.llm is None:
        return None
    if not evidence.llm_image_known:
        return Verdict(
            "False",
            "ModelImageUnknown",
            "the operator knows no image for the model; set llm.managed.modelImage",
        )
    return _workload(evidence, Component.LLM)


def _autoscaling(evidence: Evidence) -> Verdict | None:
    autoscaling = evidence.spec.autoscaling
    if autoscaling is None:
        return None
    if evidence.spec.suspend:
        return Verdict("False", SUSPENDED, "the pipeline is suspended")
    if not evidence.observed.keda:
        fewest = autoscaling.min_replicas
        message = f"KEDA is not installed; the embedding pods stay at minReplicas ({fewest})"
        return Verdict("False", "KedaNotInstalled", message)
    scaler = evidence.child(SCALED_OBJECT.kind, Component.EMBEDDING)
    reported = scaler.get("status", {}).get("conditions", []) if scaler else []
    states = {each["type"]: each for each in reported}
    if states.get("Fallback", {}).get("status") == "True":
        return Verdict("False", "Fallback", "KEDA cannot read the queue; the embedding pods stay as they are")
    if states.get("Ready", {}).get("status") == "True":
        return Verdict("True", "ScaledObjectReady", "KEDA scales the embedding pods on their queue")
    ready = states.get("Ready", {})
    reason = ready.get("reason") or "Progressing"
    return Verdict("False", reason, ready.get("message") or "KEDA has not taken up the ScaledObject yet")


def _workload(evidence: Evidence, component: Component) -> Verdict:
    if failure := evidence.failures.get(component):
        return Verdict("False", "ApplyFailed", failure)
    if evidence.spec.suspend:
        return Verdict("False", SUSPENDED, "the pipeline is suspended")
    workload = evidence.workload(component)
    if workload is None:
        return Verdict("False", "NotCreated", f"the {component} pods are not created yet")
    return _pods(evidence, component, workload)


def _pods(evidence: Evidence, component: Component, workload: Workload) -> Verdict:
    """Judge a component by its pods: one that is ready serves, though more may be on their way."""
    count = f"{workload.ready} of {workload.wanted} {component} pods are ready"
    if workload.wanted == 0:
        return Verdict("True", "ScaledToZero", f"no {component} pods are wanted")
    if workload.stuck:
        return Verdict("False", "RolloutStuck", workload.stuck)
    if workload.ready == 0:
        reason, message = evidence.pod_problem(component) or ("Progressing", count)
        return Verdict("False", reason, message)
    return Verdict("True", "Ready" if workload.ready >= workload.wanted else "PartlyReady", count)


def _of(component: Component) -> Callable[[Evidence], Verdict | None]:
    return lambda evidence: _workload(evidence, component)


TABLE: tuple[tuple[str, Callable[[Evidence], Verdict | None]], ...] = (
    ("SecretsResolved", _secrets),
    ("QueueReady", _queue),
    ("VectorStoreReady", _vector_store),
    ("EmbeddingReady", _of(Component.EMBEDDING)),
    ("LLMReady", _llm),
    ("WorkersReady", _of(Component.WORKER)),
    ("ApiReady", _of(Component.API)),
    ("AutoscalingReady", _autoscaling),
)
