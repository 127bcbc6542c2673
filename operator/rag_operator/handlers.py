"""kopf glue: whatever happens to a pipeline or to a child of one asks for a pass over that pipeline.

Only event handlers, which leave no finalizer and no annotation on anything: a dead operator blocks nothing.
"""

import asyncio
from typing import Any

import kopf
import structlog

from rag_operator.cluster import Cluster
from rag_operator.names import CHILD_KINDS, FIELD_MANAGER, INSTANCE, MANAGED_BY, PIPELINE, SECRET
from rag_operator.settings import Settings
from rag_operator.workqueue import Key, Workqueue

WATCH_SECONDS = 300
# A watch streams every object of its kind to kopf, whatever its labels: the cluster's Secrets are not for us.
WATCHED_KINDS = tuple(kind for kind in CHILD_KINDS if kind != SECRET)
log = structlog.get_logger()


def registry(queue: Workqueue) -> kopf.OperatorRegistry:
    """Return kopf's handlers, which add pipelines to a queue."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.startup(registry=handlers)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.watching.server_timeout = WATCH_SECONDS
        settings.persistence.finalizer = f"{PIPELINE.api_version.split('/')[0]}/finalizer"
        settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix="ragpipeline.dev")
        settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix="ragpipeline.dev")

    @kopf.on.event(PIPELINE.api_version, PIPELINE.plural, registry=handlers, when=is_news)
    def pipeline_event(*, namespace: str | None, name: str, **_: Any) -> None:
        queue.add(Key(namespace or "", name))

    def child_event(*, namespace: str | None, labels: kopf.Labels, **_: Any) -> None:
        queue.add(Key(namespace or "", labels[INSTANCE]))

    for kind in WATCHED_KINDS:
        kopf.on.event(
            kind.api_version,
            kind.plural,
            labels={MANAGED_BY: FIELD_MANAGER, INSTANCE: kopf.PRESENT},
            id=f"{kind.kind}-event",
            registry=handlers,
        )(child_event)
    return handlers


def is_news(*, type: str, meta: kopf.Meta, status: kopf.Status, **_: Any) -> bool:
    """Whether an event of a pipeline tells more than the status that our last pass wrote.

    A pass that writes new counts would else ask for the next pass, for as long as documents come in.
    """
    return type != "MODIFIED" or meta.get("generation") != status.get("observedGeneration")


async def resync(cluster: Cluster, settings: Settings, queue: Workqueue) -> None:
    """Ask for a pass over every pipeline again and again: for counts, and for what no event tells."""
    while True:
        await asyncio.sleep(settings.resync_seconds)
        try:
            pipelines = await cluster.list(PIPELINE, settings.watch_namespace)
        except Exception as error:  # without this task nothing would be made right any more
            log.warning("resync failed", error=repr(error))
            continue
        for found in pipelines:
            queue.add(Key(found["metadata"]["namespace"], found["metadata"]["name"]))
