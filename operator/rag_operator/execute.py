"""Carry out a plan: the only room that writes children."""

from collections.abc import MutableMapping, Sequence

import structlog

from rag_operator import metrics
from rag_operator.cluster import Cluster, ClusterError, Immutable, NamespaceEnding
from rag_operator.drift import digest, replacement, what_changed
from rag_operator.evidence import Failure
from rag_operator.names import DEPLOYMENT, KINDS, SERVICE, STATEFUL_SET, Key, Manifest, key
from rag_operator.plan import Action, Verb

# Of these nothing is lost: pods come again, and claims and Secrets are objects of their own.
MADE_AGAIN = {DEPLOYMENT.kind, STATEFUL_SET.kind, SERVICE.kind}
ATTEMPTS = 3
log = structlog.get_logger()


async def execute(
    cluster: Cluster, actions: Sequence[Action], checked: MutableMapping[Key, str]
) -> list[Failure]:
    """Carry out a plan; return what was refused, and note in `checked` what is right now.

    Most steps are tried whatever becomes of the others; one that comes first ends the plan when it fails.
    """
    failures: list[Failure] = []
    for action in actions:
        try:
            done = await _carry_out(cluster, action, checked)
        except NamespaceEnding:
            raise
        except ClusterError as error:
            failures.append(Failure(action.manifest["kind"], action.component, f"{action.child}: {error}"))
            log.error("action failed", action=str(action), error=str(error))
            if action.comes_first:
                break
        else:
            if done:
                log.info("action", action=done)
                metrics.ACTIONS.labels(action.verb.value, action.manifest["kind"]).inc()
            else:
                log.debug("nothing to do", action=str(action))
    return failures


async def _carry_out(cluster: Cluster, action: Action, checked: MutableMapping[Key, str]) -> str:
    """Return what was done; "" if nothing was to be done."""
    manifest, observed = action.manifest, action.observed
    if action.verb is Verb.PRUNE:
        await cluster.delete(manifest)
        checked.pop(key(manifest), None)
        return str(action)
    made = await (cluster.create(manifest) if observed is None else _replace(cluster, manifest, observed))
    checked[key(manifest)] = digest(manifest, made)
    if action.verb is not Verb.CHECK or observed is None:
        return str(action)
    path = what_changed(manifest, observed, made)
    return f"{Verb.CHANGE} {action.child}: {path} was changed by somebody else" if path else ""


async def _replace(cluster: Cluster, manifest: Manifest, observed: Manifest) -> Manifest:
    """Bring an object to its manifest, on what others made of it meanwhile."""
    for _ in range(ATTEMPTS):
        try:
            return await cluster.replace(replacement(manifest, observed))
        except Immutable:
            if manifest["kind"] not in MADE_AGAIN:
                raise
            await cluster.delete(observed)
            return await cluster.create(manifest)
        except ClusterError as error:
            if error.status != 409:
                raise
            refusal = error
        metadata = observed["metadata"]
        fresh = await cluster.get(KINDS[manifest["kind"]], metadata["namespace"], metadata["name"])
        if fresh is None or fresh["metadata"]["uid"] != metadata["uid"]:
            raise refusal
        observed = fresh
    raise refusal
