"""The condition AutoscalingReady: whether KEDA scales the embedding pods, as it says itself. Pure."""

from rag_operator.evidence import Evidence
from rag_operator.names import SCALED_OBJECT, Component
from rag_operator.verdicts import PROGRESSING, SUSPENDED, Verdict, of_failure


def of_autoscaling(evidence: Evidence) -> Verdict | None:
    """Judge the scaling of the pods that fill the index that serves; None where their number is fixed."""
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
