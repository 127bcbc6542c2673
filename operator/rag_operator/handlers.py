"""kopf glue: what happens to a pipeline is remembered, and asks for a pass over it.

Only event handlers, which leave no finalizer and no annotation on anything: a dead operator blocks nothing.
They are coroutines, as kopf calls others in threads of their own.
"""

from typing import Any, cast

import kopf

from rag_operator.cache import Cache
from rag_operator.keys import Key
from rag_operator.names import PIPELINE, Manifest
from rag_operator.transport import CONNECT_SECONDS, REQUEST_SECONDS
from rag_operator.workqueue import Urgency, Workqueue

WATCH_SECONDS = 600
PAGE_OBJECTS = 100


def registry(pipelines: Cache, queue: Workqueue) -> kopf.OperatorRegistry:
    """Return kopf's handlers, which keep pipelines and add them to a queue."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.startup(registry=handlers)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        # Else kopf lists all namespaces and CRDs, and where it may not, hears of nothing for a minute.
        settings.scanning.disabled = True
        settings.networking.connect_timeout = CONNECT_SECONDS
        settings.networking.request_timeout = REQUEST_SECONDS
        settings.watching.server_timeout = WATCH_SECONDS
        settings.watching.chunk_size = PAGE_OBJECTS
        settings.persistence.finalizer = f"{PIPELINE.api_version.split('/')[0]}/finalizer"
        settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix="ragpipeline.dev")
        settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix="ragpipeline.dev")

    @kopf.on.event(PIPELINE.api_version, PIPELINE.plural, registry=handlers)
    async def pipeline_event(*, event: kopf.RawEvent, **_: Any) -> None:
        hear(pipelines, queue, event["type"], cast(Manifest, event["object"]))

    return handlers


def hear(pipelines: Cache, queue: Workqueue, kind: str | None, pipeline: Manifest) -> None:
    """Take over what an event tells of a pipeline; all but its status and labels asks for a pass.

    A pass that writes new counts would else ask for the next pass, for as long as documents come in. An event
    without a kind is from a list, as of all pipelines when the operator starts.
    """
    metadata = pipeline["metadata"]
    key = Key(metadata["namespace"], metadata["name"])
    known = pipelines.get(*key)
    if kind == "DELETED":
        pipelines.remove(pipeline)
    else:
        pipelines.put(pipeline)
    if kind == "DELETED" or known is None or _told_by(known.item) != _told_by(pipeline):
        queue.add(key, Urgency.EVENT if kind is None else Urgency.CHANGE)


def _told_by(pipeline: Manifest) -> tuple[Any, ...]:
    metadata = pipeline["metadata"]
    return metadata["uid"], metadata["generation"], metadata.get("deletionTimestamp")
