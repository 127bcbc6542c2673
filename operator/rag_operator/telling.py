"""What the pipeline's own processes say of what they use: they ask it from where they are. Pure.

The operator reaches none of it, least of all what runs elsewhere: of that, nothing is known but what is told.
"""

from rag_contract.stats import ComponentProblem, ProblemComponent
from rag_operator.evidence import Evidence
from rag_operator.verdicts import PROGRESSING, Judge, Verdict

NOT_TOLD = "NotTold"
_UNSEEN = "the pipeline's API, which asks it, does not tell whether it answers"


def as_told(condition: str, judge: Judge, *components: ProblemComponent) -> Judge:
    """Judge by pods, and where they look well by what the pipeline's processes tell of the components."""

    def judged(evidence: Evidence) -> Verdict | None:
        verdict, problem = judge(evidence), evidence.told(*components)
        if verdict and problem:
            return _troubled(verdict, problem)
        if verdict is None or verdict.status != "True" or not _is_elsewhere(evidence, components[0]):
            return verdict
        if components[0] not in evidence.asked:
            return _untold(evidence, condition)
        seen = evidence.asked[components[0]]
        return Verdict("False", seen.reason, seen.message) if seen else verdict

    return judged


def _troubled(verdict: Verdict, problem: ComponentProblem) -> Verdict:
    """Return what a problem makes of a verdict; what keeps a pod from its start keeps no other from work."""
    if verdict.status == "True" and not problem.starting:
        return Verdict("False", problem.reason, problem.message)
    if verdict.status == "True":
        message = f"{verdict.message}; a pod that starts says: {problem.message}"
        return Verdict("True", problem.reason, message, doubtful=True)
    if verdict.reason == PROGRESSING and problem.starting:
        return Verdict("False", problem.reason, problem.message)
    return verdict


def _untold(evidence: Evidence, condition: str) -> Verdict:
    """Return that nothing is known; what was known stays while an answer is still to come."""
    before = evidence.before(condition)
    if evidence.pending and before:
        return Verdict(before.status, before.reason, before.message)
    return Verdict("Unknown", NOT_TOLD, _UNSEEN)


def _is_elsewhere(evidence: Evidence, component: ProblemComponent) -> bool:
    spec = evidence.spec
    match component:
        case "redis":
            return spec.queue.external is not None
        case "vector-store":
            return spec.vector_store.external is not None
        case "embedding":
            return evidence.indexes.serving.spec.external is not None
        case "llm":
            return spec.llm is not None and spec.llm.external is not None
    return False
