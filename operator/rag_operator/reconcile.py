"""The story of one pass over one pipeline: observe, resolve, plan, apply, and say how it is."""

from dataclasses import replace

import structlog
from pydantic import ValidationError

from rag_operator import events, metrics
from rag_operator.children import Site, build
from rag_operator.cluster import Cluster, NamespaceEnding, PipelineGone
from rag_operator.conflicts import conflicts
from rag_operator.evidence import Evidence
from rag_operator.execute import execute
from rag_operator.indexes import decide
from rag_operator.names import PIPELINE
from rag_operator.observing import (
    find_unlabelled,
    observe,
    read_own_secrets,
    read_records,
    read_user_secrets,
)
from rag_operator.pipeline import ObjectMeta, RagPipeline
from rag_operator.plan import plan
from rag_operator.resolution import Unresolved, decode, foreign, resolve
from rag_operator.settings import Settings
from rag_operator.stats import read_stats
from rag_operator.status import Indexes, Status
from rag_operator.summary import fail, in_words, refuse, summarize

log = structlog.get_logger()


async def reconcile(cluster: Cluster, settings: Settings, namespace: str, name: str) -> None:
    """Bring one pipeline closer to its spec and write what is left to its status.

    A pass that finds all as it should be sends nothing. Raises ClusterError when the pass cannot be made.
    """
    found = await cluster.get(PIPELINE, namespace, name)
    if found is None or "deletionTimestamp" in found["metadata"]:
        metrics.forget(namespace, name)  # the garbage collector follows the owner references
        return
    with structlog.contextvars.bound_contextvars(namespace=namespace, pipeline=name):
        try:
            pipeline = RagPipeline.model_validate(found)
        except ValidationError as error:
            metadata, previous = ObjectMeta.model_validate(found["metadata"]), found.get("status", {})
            await report(cluster, metadata, Status.model_validate(previous), refuse(found, error))
            return
        try:
            await _pass_over(cluster, settings, pipeline)
        except (NamespaceEnding, PipelineGone) as ending:
            log.info("the pipeline is being deleted", reason=str(ending))
        except Exception as error:
            await _tell_failure(cluster, namespace, name, error)
            raise


async def _pass_over(cluster: Cluster, settings: Settings, pipeline: RagPipeline) -> None:
    observed = await observe(cluster, pipeline)
    user_secrets = await read_user_secrets(cluster, pipeline)
    told = await read_stats(pipeline, observed, user_secrets)
    indexes = decide(pipeline, told.stats)
    pipeline = await settle(cluster, pipeline, indexes)
    own_secrets = await read_own_secrets(cluster, pipeline)
    resolved = foreign(pipeline, own_secrets.values()) or resolve(
        pipeline, user_secrets, {name: decode(secret) for name, secret in own_secrets.items()}
    )
    evidence = Evidence(pipeline, indexes, observed, stats=told.stats, problems=told.problems)
    if isinstance(resolved, Unresolved):
        evidence = replace(evidence, unresolved=resolved)
    else:
        site = Site(
            pipeline,
            indexes,
            settings,
            resolved.queue,
            resolved.vector_store,
            user_secrets,
            observed.keda,
            observed.monitoring,
            observed.gateway_api,
        )
        evidence = await _make(cluster, site, evidence)
    evidence = replace(evidence, records=await read_records(cluster, evidence.observed))
    await report(cluster, pipeline.metadata, pipeline.status, summarize(evidence))


async def _make(cluster: Cluster, site: Site, evidence: Evidence) -> Evidence:
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
    actions = plan(desired, [*observed.children, *ours], pipeline.metadata.uid, withheld=held)
    failures = [*held.values(), *await execute(cluster, actions)]
    if actions:
        observed = await observe(cluster, pipeline)
    return replace(evidence, observed=observed, llm_image_known=site.llm_image_known, failures=failures)


async def _tell_failure(cluster: Cluster, namespace: str, name: str, error: Exception) -> None:
    """Say in the status that a pass failed: in the one that is there now, as the pass may have written it."""
    try:
        if found := await cluster.get(PIPELINE, namespace, name):
            pipeline = RagPipeline.model_validate(found)
            await report(cluster, pipeline.metadata, pipeline.status, fail(pipeline, error))
    except Exception as untold:
        log.warning("a failed pass is not told", error=repr(untold))


async def settle(cluster: Cluster, pipeline: RagPipeline, indexes: Indexes) -> RagPipeline:
    """Write which indexes there are before anything is made for one: a pass may be cut short at any point."""
    previous = pipeline.status
    if indexes == previous.indexes:
        return pipeline
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
