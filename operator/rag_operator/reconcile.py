"""The story of one pass over one pipeline: observe, resolve, plan, apply, and say how it is."""

from collections import defaultdict
from collections.abc import MutableMapping
from dataclasses import replace

import structlog
from pydantic import ValidationError

from rag_operator import events, metrics, names
from rag_operator.asking import Asker
from rag_operator.children import Site, build
from rag_operator.cluster import Cluster, NamespaceEnding, PipelineGone
from rag_operator.conflicts import conflicts
from rag_operator.event_reader import EventReader
from rag_operator.evidence import Evidence
from rag_operator.execute import execute
from rag_operator.indexes import decide
from rag_operator.keys import Key
from rag_operator.names import PIPELINE
from rag_operator.observing import (
    find_unlabelled,
    observe,
    read_own_secrets,
)
from rag_operator.pipeline import ObjectMeta, RagPipeline
from rag_operator.plan import plan
from rag_operator.recorded import is_unexplained
from rag_operator.resolution import Unresolved, decode, foreign, resolve
from rag_operator.settings import Settings
from rag_operator.status import Indexes, Status
from rag_operator.summary import fail, in_words, refuse, summarize
from rag_operator.user_secrets import UserSecrets

log = structlog.get_logger()


class Reconciler:
    """Makes passes over pipelines."""

    def __init__(self, cluster: Cluster, settings: Settings, user_secrets: UserSecrets, asker: Asker) -> None:
        self._cluster = cluster
        self._settings = settings
        self._user_secrets = user_secrets
        self._asker = asker
        # A pipeline that is looked at again finds a list that was made since its last look.
        self._events = EventReader(cluster, settings.resync_seconds / 2)
        # By pipeline, the digests of the children that were found to be right. They are lost with the
        # process, which then has the API server look at each child once.
        self._checked: defaultdict[Key, dict[names.Key, str]] = defaultdict(dict)

    async def reconcile(self, key: Key) -> bool:
        """Bring one pipeline closer to its spec and write what is left to its status.

        Return whether nothing is left to be tried again. A pass that finds all as it should be sends nothing.
        Raises ClusterError when the pass cannot be made.
        """
        found = await self._cluster.get(PIPELINE, *key)
        if found is None or "deletionTimestamp" in found["metadata"]:
            self._forget(key)  # the garbage collector follows the owner references
            return True
        with structlog.contextvars.bound_contextvars(namespace=key.namespace, pipeline=key.name):
            try:
                pipeline = RagPipeline.model_validate(found)
            except ValidationError as error:
                metadata, previous = ObjectMeta.model_validate(found["metadata"]), found.get("status", {})
                status = Status.model_validate(previous)
                await report(self._cluster, metadata, status, refuse(found, error))
                return True
            try:
                return await self._pass_over(key, pipeline)
            except (NamespaceEnding, PipelineGone) as ending:
                log.info("the pipeline is being deleted", reason=str(ending))
                return True
            except Exception as error:
                await _tell_failure(self._cluster, key, error)
                raise

    async def _pass_over(self, key: Key, pipeline: RagPipeline) -> bool:
        cluster = self._cluster
        observed = await observe(cluster, pipeline)
        user_secrets = await self._user_secrets.of(pipeline)
        told = self._asker.told(pipeline, observed, user_secrets)
        indexes = decide(pipeline, told.stats)
        if indexes != pipeline.status.indexes:
            pipeline = await settle(cluster, pipeline, indexes)
            self._asker.renew(key)  # what was told is of the indexes before, and says nothing of these
        own_secrets = await read_own_secrets(cluster, pipeline)
        resolved = foreign(pipeline, own_secrets.values()) or resolve(
            pipeline, user_secrets, {name: decode(secret) for name, secret in own_secrets.items()}
        )
        evidence = Evidence(
            pipeline, indexes, observed, stats=told.stats, problems=told.problems, pending=told.pending
        )
        if isinstance(resolved, Unresolved):
            self._user_secrets.forget(key)
            evidence = replace(evidence, unresolved=resolved)
        else:
            site = Site(
                pipeline,
                indexes,
                self._settings,
                resolved.queue,
                resolved.vector_store,
                user_secrets,
                observed.keda,
                observed.monitoring,
                observed.gateway_api,
            )
            evidence = await _make(cluster, site, self._checked[key], evidence)
        unexplained = [child for child in evidence.observed.children if is_unexplained(child)]
        evidence = replace(evidence, records=await self._events.about(unexplained))
        await report(cluster, pipeline.metadata, pipeline.status, summarize(evidence))
        return not (evidence.unresolved or evidence.failures or unexplained)

    def _forget(self, key: Key) -> None:
        metrics.forget(*key)
        self._checked.pop(key, None)
        self._user_secrets.forget(key)
        self._asker.forget(key)


async def _make(
    cluster: Cluster, site: Site, checked: MutableMapping[names.Key, str], evidence: Evidence
) -> Evidence:
    """Bring the children closer to what they should be; return what is known then."""
    pipeline, observed = site.pipeline, evidence.observed
    try:
        desired = build(site)
    except Exception as error:  # what runs goes on, and its conditions stay true
        log.exception("no children can be made from the spec")
        message = f"no children can be made from the spec: {in_words(error)}; undo what was changed last"
        return replace(evidence, unbuilt=message)
    ours, theirs = await find_unlabelled(cluster, pipeline, desired, observed.children)
    held = conflicts(desired, theirs)
    actions = plan(desired, [*observed.children, *ours], pipeline.metadata.uid, held, checked)
    failures = [*held.values(), *await execute(cluster, actions, checked)]
    if actions:
        observed = await observe(cluster, pipeline)
    return replace(evidence, observed=observed, llm_image_known=site.llm_image_known, failures=failures)


async def _tell_failure(cluster: Cluster, key: Key, error: Exception) -> None:
    """Say in the status that a pass failed: in the one that is there now, as the pass may have written it."""
    try:
        if found := await cluster.get(PIPELINE, *key):
            pipeline = RagPipeline.model_validate(found)
            await report(cluster, pipeline.metadata, pipeline.status, fail(pipeline, error))
    except Exception as untold:
        log.warning("a failed pass is not told", error=repr(untold))


async def settle(cluster: Cluster, pipeline: RagPipeline, indexes: Indexes) -> RagPipeline:
    """Write which indexes there are before anything is made for one: a pass may be cut short at any point."""
    previous = pipeline.status
    status = previous.model_copy(update={"indexes": indexes})
    await _write_status(cluster, pipeline.metadata, status)
    if previous.indexes and (event := events.indexes_changed(pipeline.metadata, previous.indexes, indexes)):
        await cluster.record(event)
    return pipeline.model_copy(update={"status": status})


async def report(cluster: Cluster, metadata: ObjectMeta, previous: Status, status: Status) -> None:
    """Write the status when it changed, and record an Event when Ready did."""
    metrics.observe_status(metadata, status)
    if status == previous:
        return
    await _write_status(cluster, metadata, status)
    if event := events.ready_changed(metadata, previous, status):
        await cluster.record(event)


async def _write_status(cluster: Cluster, metadata: ObjectMeta, status: Status) -> None:
    body = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    await cluster.apply_status(metadata.namespace, metadata.name, body)
