"""What one condition says, and how a component is judged by its pods. Pure."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from rag_operator.evidence import Evidence, Failure, Workload
from rag_operator.names import Component

SUSPENDED = "Suspended"
PROGRESSING = "Progressing"
NOT_CREATED = "NotCreated"
ROLLING_OUT = "RollingOut"
# What passes by itself.
STARTING = {PROGRESSING, NOT_CREATED}


class Verdict(NamedTuple):
    """What one condition says."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    doubtful: bool = False
    """Whether it is True for now, and something is on its way or in the way."""


Judge = Callable[[Evidence], Verdict | None]


def of_component(evidence: Evidence, component: Component) -> Verdict:
    """Judge a component by what was refused, and by its pods."""
    if refused := evidence.refused(component):
        return of_failure(refused)
    if evidence.spec.suspend:
        return Verdict("False", SUSPENDED, "the pipeline is suspended")
    workload = evidence.workload(component)
    if workload is None:
        return Verdict("False", NOT_CREATED, f"the {component} pods are not created yet")
    return _pods(evidence, component, workload)


def _pods(evidence: Evidence, component: Component, workload: Workload) -> Verdict:
    """Judge a component by its pods: one that is ready serves, though more may be on their way."""
    count = f"{workload.ready} of {workload.wanted} {component} pods are ready"
    if workload.wanted == 0:
        return Verdict("True", "ScaledToZero", f"no {component} pods are wanted")
    if workload.ready == 0:
        reason, message = evidence.problem(component, workload) or (PROGRESSING, count)
        return Verdict("False", reason, message)
    if workload.outdated:
        count = f"{count}, {workload.outdated} still of the spec before"
    if problem := evidence.problem(component, workload):
        return Verdict("True", problem.reason, f"{count}; {problem.message}", doubtful=True)
    if workload.outdated:
        return Verdict("True", ROLLING_OUT, f"{count}; new ones are on their way", doubtful=True)
    return Verdict("True", "Ready" if workload.ready >= workload.wanted else "PartlyReady", count)


def of_failure(failure: Failure) -> Verdict:
    """Return what is said of a child that was refused."""
    return Verdict("False", failure.reason, failure.message)
