"""Carry out a plan: the only room that writes children."""

from collections.abc import Sequence

import structlog

from rag_operator import metrics
from rag_operator.cluster import Cluster, ClusterError, NamespaceEnding
from rag_operator.evidence import APPLY_FAILED, INVALID, Failure
from rag_operator.names import FIELD_MANAGER
from rag_operator.plan import Action, Verb

REPLICAS_MANAGER = f"{FIELD_MANAGER}-replicas"
# What the API server answers of an object that cannot be as it is sent.
UNPROCESSABLE = 422
log = structlog.get_logger()


async def execute(cluster: Cluster, actions: Sequence[Action]) -> list[Failure]:
    """Carry out a plan; return what was refused.

    Most steps are tried whatever becomes of the others; one that comes first ends the plan when it fails.
    """
    failures: list[Failure] = []
    for action in actions:
        try:
            await _carry_out(cluster, action)
        except NamespaceEnding:
            raise
        except ClusterError as error:
            reason = INVALID if error.status == UNPROCESSABLE else APPLY_FAILED
            message = f"{action.child}: {error}"
            failures.append(Failure(action.manifest["kind"], action.component, message, reason))
            log.error("action failed", action=str(action), error=str(error))
            if action.comes_first:
                break
        else:
            log.info("action", action=str(action))
            metrics.ACTIONS.labels(action.verb.value, action.manifest["kind"]).inc()
    return failures


async def _carry_out(cluster: Cluster, action: Action) -> None:
    match action.verb:
        case Verb.PRUNE:
            await cluster.delete(action.manifest)
        case Verb.HAND_OVER:
            await cluster.apply(action.manifest, manager=REPLICAS_MANAGER)
        case Verb.CREATE:  # not by force: somebody may have been faster
            await cluster.apply(action.manifest, force=False)
        case Verb.CHANGE:
            await cluster.apply(action.manifest)
