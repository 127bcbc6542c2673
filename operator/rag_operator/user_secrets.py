"""The Secrets that pipelines refer to: read when a pipeline is new or changes, and then round by round.

They are not watched: a watch by name for each would be hundreds of connections, and one for all of them every
Secret of the cluster. A Secret that was changed is seen in the next round.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from rag_operator.cluster import Cluster
from rag_operator.keys import Key
from rag_operator.names import PIPELINE
from rag_operator.observing import read_secrets
from rag_operator.pipeline import RagPipeline
from rag_operator.resolution import decode, references

Contents = dict[str, dict[str, str]]
log = structlog.get_logger()


class _Known(NamedTuple):
    generation: int
    uid: str
    contents: Contents


class UserSecrets:
    """What is in the Secrets that the pipelines refer to, as it was read last."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[Key, _Known] = {}

    async def of(self, pipeline: RagPipeline) -> Contents:
        """Return the contents of a pipeline's Secrets; those that do not exist, or cannot, are left out."""
        metadata = pipeline.metadata
        known = self._known.get(_key(pipeline))
        if known is None or (known.generation, known.uid) != (metadata.generation, metadata.uid):
            known = _Known(metadata.generation, metadata.uid, await self._read(pipeline))
            self._known[_key(pipeline)] = known
        return known.contents

    def forget(self, key: Key) -> None:
        """Read a pipeline's Secrets anew in its next pass, if it has one."""
        self._known.pop(key, None)

    async def refresh(self, seconds: float, rate: float, changed: Callable[[Key], None]) -> None:
        """Read all again and again, each after some seconds or more, `rate` pipelines a second at most."""
        while True:
            keys = [key for key, known in self._known.items() if known.contents]
            pause = max(1 / rate, seconds / max(1, len(keys)))
            for key in keys:
                await asyncio.sleep(pause)
                try:
                    await self._look(key, changed)
                except Exception as error:
                    log.warning("Secrets cannot be read", pipeline=key.name, error=repr(error))
            if not keys:
                await asyncio.sleep(pause)

    async def _look(self, key: Key, changed: Callable[[Key], None]) -> None:
        found = await self._cluster.get(PIPELINE, *key)
        known = self._known.get(key)
        if found is None or known is None:
            self.forget(key)
            return
        if await self._read(RagPipeline.model_validate(found)) != known.contents:
            self.forget(key)
            changed(key)

    async def _read(self, pipeline: RagPipeline) -> Contents:
        wanted = {reference.name for reference in references(pipeline) if not reference.mistake}
        found = await read_secrets(self._cluster, pipeline, wanted)
        return {name: decode(secret) for name, secret in found.items()}


def _key(pipeline: RagPipeline) -> Key:
    return Key(pipeline.metadata.namespace, pipeline.metadata.name)
