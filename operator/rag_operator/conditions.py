"""The conditions of a pipeline: what each means, its reasons, and how they roll up into Ready. Pure.

SpecAccepted      the spec can be read, and children can be made from it.
SecretsResolved   every Secret that the pipeline refers to exists, with its key; nothing is changed before.
StorageReady      the claims that the pods mount have their volumes.
QueueReady        Redis answers. Of one that runs elsewhere only the pipeline's API can tell: Unknown while it
                  does not. So it is for all four that may run elsewhere.
VectorStoreReady  Qdrant answers.
EmbeddingReady    at least one embedding pod serves, and the server that it asks, where it asks one.
LLMReady          at least one LLM pod serves, and its server. Absent when the pipeline has no language model.
WorkersReady      at least one worker runs, or none is wanted.
ApiReady          at least one API pod serves.
RouteReady        the Ingress has an address, or the Gateway takes the HTTPRoute. Absent without spec.expose.
AutoscalingReady  KEDA scales the embedding pods. Absent when their number is fixed.
IndexReady        questions are answered from a collection; while documents are embedded anew for another one,
                  how far that is. Embedding pods, workers and autoscaling are those of the one that answers.
Ready             none of the above is False, and nothing is refused; copies reason and message of the first
                  that is, of one that is only starting when there is no other. Unknown when one is Unknown.
Reconciling       there while something is on its way, and while a pass over the pipeline failed.
Stalled           there while nothing will change until somebody changes the spec.

A component whose old pods serve while new ones do not is True, with the reason of the new ones; so is Ready.

Queue, vector store, embedding, language model and workers are False, too, while the pipeline's own processes
say what keeps them from their work: a store that they cannot reach, a collection that is another pipeline's.
"""

from collections.abc import Sequence
from datetime import datetime

from rag_operator.evidence import Evidence
from rag_operator.exposure import NO_ADDRESS, of_route
from rag_operator.index_condition import of_index
from rag_operator.movement import READY, SPEC_ACCEPTED, movement
from rag_operator.names import Component
from rag_operator.scaling_condition import of_autoscaling
from rag_operator.status import Condition
from rag_operator.storage_condition import of_storage
from rag_operator.telling import as_told
from rag_operator.transitions import dated
from rag_operator.verdicts import ROLLING_OUT, STARTING, Judge, Verdict, of_component, of_failure

_SERVES = "the pipeline takes documents and answers questions"


def conditions(
    evidence: Evidence, previous: Sequence[Condition] = (), now: datetime | None = None
) -> list[Condition]:
    """Return all conditions; the transition time of one moves only when its status does."""
    verdicts = {name: verdict for name, judge in TABLE if (verdict := judge(evidence))}
    ready = _roll_up(list(verdicts.values()), evidence)
    verdicts |= {**movement(verdicts, ready), READY: ready}
    return dated(verdicts, evidence.pipeline.metadata.generation, previous, now)


def _roll_up(verdicts: Sequence[Verdict], evidence: Evidence) -> Verdict:
    failing = [verdict for verdict in verdicts if verdict.status == "False"]
    if failing:
        lasting = [verdict for verdict in failing if verdict.reason not in STARTING]
        first = (lasting or failing)[0]
        return Verdict("False", first.reason, first.message)
    unspoken = [each for each in evidence.failures if each.component not in evidence.aside]
    if unspoken:  # of a child that no condition speaks about, such as the alerts
        return of_failure(unspoken[0])
    unknown = [each for each in verdicts if each.status == "Unknown" and each.reason != NO_ADDRESS]
    if unknown:
        return Verdict("Unknown", unknown[0].reason, unknown[0].message)
    doubtful = [verdict for verdict in verdicts if verdict.doubtful]
    if doubtful:
        first = next((each for each in doubtful if each.reason != ROLLING_OUT), doubtful[0])
        return Verdict("True", first.reason, f"{_SERVES}; {first.message}")
    return Verdict("True", READY, _SERVES)


def _spec(evidence: Evidence) -> Verdict:
    if evidence.unbuilt:
        return Verdict("False", "CannotBuild", evidence.unbuilt)
    return Verdict("True", "Accepted", "the spec can be read, and children are made from it")


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
        return Verdict("True", "External", f"{name} runs elsewhere, and answers")
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


def _of(component: Component) -> Judge:
    return lambda evidence: of_component(evidence, component.of(evidence.indexes.serving))


TABLE: tuple[tuple[str, Judge], ...] = (
    (SPEC_ACCEPTED, _spec),
    ("SecretsResolved", _secrets),
    ("StorageReady", of_storage),
    ("QueueReady", as_told("QueueReady", _queue, "redis")),
    ("VectorStoreReady", as_told("VectorStoreReady", _vector_store, "vector-store")),
    ("EmbeddingReady", as_told("EmbeddingReady", _of(Component.EMBEDDING), "embedding")),
    ("LLMReady", as_told("LLMReady", _llm, "llm")),
    ("WorkersReady", as_told("WorkersReady", _of(Component.WORKER), "worker", "files")),
    ("ApiReady", as_told("ApiReady", _of(Component.API), "api")),
    ("RouteReady", of_route),
    ("AutoscalingReady", of_autoscaling),
    ("IndexReady", of_index),
)
CONDITIONS = (*(name for name, _ in TABLE), READY)
