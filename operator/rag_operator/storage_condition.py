"""The condition StorageReady: whether the claims that the pods mount have their volumes. Pure."""

from rag_operator.evidence import Evidence
from rag_operator.names import CLAIM, Manifest
from rag_operator.recorded import is_growing, what_is_said, what_warns
from rag_operator.verdicts import NOT_CREATED, PROGRESSING, STARTING, Verdict, of_failure

BOUND, LOST, RESIZING, ENDING = "Bound", "ClaimLost", "Resizing", "ClaimTerminating"
# Conditions of a claim that a volume cannot grow; by releases before 1.31 only an Event says so.
_RESIZE_ERRORS = {"ControllerResizeError", "NodeResizeError"}


def of_storage(evidence: Evidence) -> Verdict:
    """Judge all claims by the one that needs somebody most; those of an index that does not serve apart."""
    serving = [each for each in evidence.failures if each.component not in evidence.aside]
    if refused := next((each for each in serving if each.kind == CLAIM.kind), None):
        return of_failure(refused)
    workloads = [each for each in evidence.observed.workloads if each.component not in evidence.aside]
    names = sorted({name for workload in workloads for name in workload.claims})
    if not names:
        return Verdict("False", NOT_CREATED, "the claims are not created yet")
    verdicts = [_of_claim(evidence, name) for name in names]
    failing = [each for each in verdicts if each.status == "False"]
    lasting = [each for each in failing if each.reason not in STARTING]
    doubtful = [each for each in verdicts if each.doubtful]
    if worst := next(iter((*lasting, *failing, *doubtful)), None):
        return worst
    return Verdict("True", BOUND, f"{', '.join(names)}: bound")


def _of_claim(evidence: Evidence, name: str) -> Verdict:
    claim = evidence.observed.child(CLAIM.kind, name)
    if claim is None:
        return Verdict("False", NOT_CREATED, f"claim {name} is not created yet")
    match claim.get("status", {}).get("phase"):
        case "Bound":
            return _of_bound(evidence, claim)
        case "Lost":
            message = "its volume is gone, and what was in it; delete the claim, and a new one is made"
            return Verdict("False", LOST, f"claim {name}: {message}")
    if warning := what_warns(claim, evidence.records):
        return Verdict("False", warning.reason, f"claim {name}: {warning.message}")
    said = what_is_said(claim, evidence.records) or "it has no volume yet"
    return Verdict("False", PROGRESSING, f"claim {name}: {said}")


def _of_bound(evidence: Evidence, claim: Manifest) -> Verdict:
    """Judge a claim that can be used, and may be about to change."""
    metadata, status = claim["metadata"], claim["status"]
    name = metadata["name"]
    if "deletionTimestamp" in metadata:
        message = "somebody deleted it; what is in it goes with the last pod that uses it: copy it before"
        return Verdict("True", ENDING, f"claim {name}: {message}", doubtful=True)
    if not is_growing(claim):
        return Verdict("True", BOUND, f"claim {name} is bound")
    wanted = claim["spec"]["resources"]["requests"]["storage"]
    growing = f"claim {name}: it grows from {status['capacity']['storage']} to {wanted}"
    conditions = {each["type"]: each for each in status.get("conditions", []) if each["status"] == "True"}
    if error := next((each for kind, each in conditions.items() if kind in _RESIZE_ERRORS), None):
        return Verdict("True", "ResizeFailed", f"{growing}; {error.get('message', '')}", doubtful=True)
    if "FileSystemResizePending" in conditions:
        return Verdict("True", RESIZING, f"{growing} once a pod mounts it anew", doubtful=True)
    if warning := what_warns(claim, evidence.records):
        return Verdict("True", warning.reason, f"{growing}; {warning.message}", doubtful=True)
    return Verdict("True", RESIZING, growing, doubtful=True)
