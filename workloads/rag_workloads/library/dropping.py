"""Drops what nobody wants any more of an index: its keys, and its collection."""

import time

import structlog

from rag_workloads.library.collections import TIMEOUT_SECONDS
from rag_workloads.library.stores import Stores

# What a pod writes that is about to end, after its index was dropped, is dropped too.
DROPPED_AGAIN_SECONDS = 60
# A collection is looked at, then deleted.
ALONE_SECONDS = 3 * TIMEOUT_SECONDS

log = structlog.get_logger(__name__)


async def drop_unwanted(stores: Stores, grace_seconds: float) -> None:
    """Drop the indexes that nobody wants any more, if this one answers; it may have done so in vain before.

    One that has answered was kept for `grace_seconds`. A collection's name may be a newer index' as soon as
    it is deleted: who looked at it before would delete that one, so that one process at a time does.
    """
    known = await stores.indexes.known()
    if known is None or known.serving != stores.queue.pipeline:
        return
    for index in known.unwanted(grace_seconds):
        async with stores.chores.alone(f"drop:{index.id}", ALONE_SECONDS) as alone:
            if not alone:
                continue
            await stores.indexes.drop(index.id, known.serving)
            await stores.beside(index).vectors.drop()
        if index.id not in known.dropped:
            log.info("index dropped", index=index.id, collection=index.collection)
        elif known.dropped[index.id] <= time.time() - DROPPED_AGAIN_SECONDS:
            await stores.indexes.forget(index.id)
