"""The conditions of a pipeline: what each means, its reasons, and how they roll up into Ready. Pure.

SecretsResolved   every Secret that the pipeline refers to exists, with its key; nothing is changed before.
QueueReady        Redis answers; True for one that runs elsewhere, which the API's own readiness checks.
VectorStoreReady  Qdrant answers; True for one that runs elsewhere.
EmbeddingReady    at least one embedding pod serves.
LLMReady          at least one LLM pod serves. Absent when the pipeline has no language model.
WorkersReady      at least one worker runs, or none is wanted.
ApiReady          at least one API pod serves.
RouteReady        the Ingress has an address, or the Gateway takes the HTTPRoute. Absent without spec.expose.
AutoscalingReady  KEDA scales the embedding pods. Absent when their number is fixed.
IndexReady        questions are answered from a collection; while documents are embedded anew for another one,
                  how far that is. Embedding pods, workers and autoscaling are those of the one that answers.
Ready             none of the above is False, and nothing is refused; copies reason and message of the first
                  that is, of one that is only starting when there is no other.

A component whose old pods serve while new ones do not is True, with the reason of the new ones; so is Ready.

Queue, vector store, embedding, language model and workers are False, too, while the pipeline's own processes
say what keeps them from their work: a store that they cannot reach, a collection that is another pipeline's.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rag_contract.stats import ProblemComponent
from rag_operator.evidence import Evidence
from rag_operator.exposure import of_route
from rag_operator.index_condition import of_index
from rag_operator.names import SCALED_OBJECT, Component
from rag_operator.status import Condition
from rag_operator.verdicts import (
    PROGRESSING,
    ROLLING_OUT,
    STARTING,
    SUSPENDED,
    Judge,
    Verdict,
    of_component,
    of_failure,
)

READY = "Ready"
_SERVES = "the pipeline takes documents and answers questions"


def conditions(
    evidence: Evidence, previous: Sequence[Condition] = (), now: datetime | None = None
) -> list[Condition]:
    """Return all conditions; the transition time of one moves only when its status does."""
    verdicts = {name: verdict for name, judge in TABLE if (verdict := judge(evidence))}
    verdicts[READY] = _roll_up(list(verdicts.values()), evidence)
    return _dated(verdicts, evidence.pipeline.metadata.generation, previous, now)


def unreadable(
    message: str, generation: int, previous: Sequence[Condition] = (), now: datetime | None = None
) -> list[Condition]:
    """Return the conditions of a pipeline whose spec cannot be read: but for Ready they stay as they were."""
    ready = {READY: Verdict("False", "InvalidSpec", message)}
    return [each for each in previous if each.type != READY] + _dated(ready, generation, previous, now)


def _dated(
    verdicts: Mapping[str, Verdict], generation: int, previous: Sequence[Condition], now: datetime | None
) -> list[Condition]:
    times = {(each.type, each.status): each.last_transition_time for each in previous}
    present = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        Condition(
            type=name,
            status=verdict.status,
            reason=verdict.reason,
            message=verdict.message,
            last_transition_time=times.get((name, verdict.status), present),
            observed_generation=generation,
        )
        for name, verdict in verdicts.items()
    ]


def _roll_up(verdicts: Sequence[Verdict], evidence: Evidence) -> Verdict:
    failing = [verdict for verdict in verdicts if verdict.status == "False"]
    if failing:
        lasting = [verdict for verdict in failing if verdict.reason not in STARTING]
        first = (lasting or failing)[0]
        return Verdict("False", first.reason, first.message)
    unspoken = [each for each in evidence.failures if each.component not in evidence.aside]
    if unspoken:  # of a child that no condition speaks about, such as the claim of the files
        return of_failure(unspoken[0])
    doubtful = [verdict for verdict in verdicts if verdict.doubtful]
    if doubtful:
        first = next((each for each in doubtful if each.reason != ROLLING_OUT), doubtful[0])
        return Verdict("True", first.reason, f"{_SERVES}; {first.message}")
    return Verdict("True", READY, _SERVES)


def _secrets(evidence: Evidence) -> Verdict:
    if evidence.unresolved:
        return Verdict("False", evidence.unresolved.reason, evidence.unresolved.message)
    return Verdict("True", "Resolved", "every Secret that the pipeline refers to was found")


def _queue(evidence: Evidence) -> Verdict:
    return _store(evidence, Component.REDIS, "Redis", external=bool(evidence.spec.queue.external))


def _vector_store(evidence: Evidence) -> Verdict:
    return _store(evidence, Component.QDRANT, "Qdrant", external=bool(evidence.spec.vector_store.external))


def _store(evidence: Evidence, component: Component, name: str, *, external: bool) -> Verdict:
    """Judge a store; of one that runs elsewhere only the Secret is a child, which comes before all pods."""
    if external and not evidence.refused(component):
        return Verdict("True", "External", f"{name} runs elsewhere")
    return of_component(evidence, component)


def _llm(evidence: Evidence) -> Verdict | None:
    if evidence.spec.llm is None:
        return None
    if not evidence.llm_image_known:
        return Verdict(
            "False",
            "ModelImageUnknown",
            "the operator knows no image for the model; set llm.managed.modelImage",
        )
    return of_component(evidence, Component.LLM)


def _autoscaling(evidence: Evidence) -> Verdict | None:
    autoscaling = evidence.spec.autoscaling
    if autoscaling is None or evidence.indexes.serving.spec.external:
        return None
    if evidence.spec.suspend:
        return Verdict("False", SUSPENDED, "the pipeline is suspended")
    if not evidence.observed.keda:
        fewest = autoscaling.min_replicas
        message = f"KEDA is not installed; the embedding pods stay at minReplicas ({fewest})"
        return Verdict("False", "KedaNotInstalled", message)
    return _scaler(evidence)


def _scaler(evidence: Evidence) -> Verdict:
    """Judge the ScaledObject by what KEDA says of it."""
    component = Component.EMBEDDING.of(evidence.indexes.serving)
    if refused := evidence.refused(component, scaler=True):
        return of_failure(refused)
    scaler = evidence.child(SCALED_OBJECT.kind, component)
    status = scaler.get("status", {}) if scaler else {}
    states = {each["type"]: each for each in status.get("conditions", [])}
    if states.get("Fallback", {}).get("status") == "True":
        return Verdict("False", "Fallback", "KEDA cannot read the queue; the embedding pods stay as they are")
    ready = states.get("Ready", {})
    # KEDA's loop writes all conditions when it means one, and can put Ready back to what it was before.
    forgotten = ready.get("status") == "Unknown" and not ready.get("reason") and status.get("hpaName")
    if ready.get("status") == "True" or forgotten:
        return Verdict("True", "ScaledObjectReady", "KEDA scales the embedding pods on their queue")
    reason = ready.get("reason") or PROGRESSING
    return Verdict("False", reason, ready.get("message") or "KEDA has not taken up the ScaledObject yet")


def _unless_told(judge: Judge, *components: ProblemComponent) -> Judge:
    """Where all looks well, believe the pipeline's own processes: they use what is judged here from afar."""

    def judged(evidence: Evidence) -> Verdict | None:
        verdict, problem = judge(evidence), evidence.told(*components)
        if problem is None or verdict is None or verdict.status != "True":
            return verdict
        return Verdict("False", problem.reason, problem.message)

    return judged


def _of(component: Component) -> Judge:
    return lambda evidence: of_component(evidence, component.of(evidence.indexes.serving))


TABLE: tuple[tuple[str, Judge], ...] = (
    ("SecretsResolved", _secrets),
    ("QueueReady", _unless_told(_queue, "redis")),
    ("VectorStoreReady", _unless_told(_vector_store, "vector-store")),
    ("EmbeddingReady", _unless_told(_of(Component.EMBEDDING), "embedding")),
    ("LLMReady", _unless_told(_llm, "llm")),
    ("WorkersReady", _unless_told(_of(Component.WORKER), "worker", "files")),
    ("ApiReady", _of(Component.API)),
    ("RouteReady", of_route),
    ("AutoscalingReady", _autoscaling),
    ("IndexReady", of_index),
)
CONDITIONS = (*(name for name, _ in TABLE), READY)
