"""The cluster as passes see it: children, pods and pipelines are read from caches, the rest by requests.

What a pass writes is in the caches when the answer is there, so the next pass never makes it again. Only the
metadata of Secrets is watched: one of ours is read by its name when its version is not the one last read.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

import structlog

from rag_operator.cache import Cache, Entry
from rag_operator.cluster import Cluster
from rag_operator.informer import Informer
from rag_operator.keys import Key
from rag_operator.names import (
    CORE_KINDS,
    GATEWAY_KINDS,
    INSTANCE,
    KEDA_KINDS,
    MONITORING_KINDS,
    PIPELINE,
    POD,
    SECRET,
    Kind,
    Manifest,
)
from rag_operator.pipeline import RagPipeline
from rag_operator.transport import Transport

# Kinds that come and go with the CRDs of others; they are used where the cluster knows all of a group.
OPTIONAL = (KEDA_KINDS, MONITORING_KINDS, GATEWAY_KINDS)
EVERYWHERE = ""
# How long is waited for the objects of kinds that are new; longer, and they are used from the next look on.
FIRST_LIST_SECONDS = 10
log = structlog.get_logger()


class CachedCluster(Cluster):
    """A cluster of which our objects are watched; `changed` hears which pipelines something happened to."""

    def __init__(
        self, transport: Transport, namespaces: Collection[str], changed: Callable[[Key], None]
    ) -> None:
        super().__init__(transport)
        self.pipelines = Cache(_itself, lambda _: None)
        """The pipelines, as kopf tells of them."""
        self._scopes = tuple(namespaces) or (EVERYWHERE,)
        self._changed = changed
        self._informers: dict[Kind, dict[str, Informer]] = {}
        self._running: defaultdict[Kind, list[asyncio.Task[None]]] = defaultdict(list)
        self._contents: defaultdict[Key, dict[str, Entry]] = defaultdict(dict)
        self._served: frozenset[Kind] = frozenset()

    async def follow(
        self, tasks: asyncio.TaskGroup, every_seconds: float, changed: Callable[[], None]
    ) -> None:
        """Follow the optional kinds as they come and go; `changed` hears when what is known changed."""
        known = self._known()
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.discover(tasks)
            except Exception as error:  # what was there is taken to be there still
                log.warning("discovery failed", error=repr(error))
            before, known = known, self._known()
            if known != before:
                changed()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Follow all kinds that there are; return once it was tried to read all of their objects."""
        for kind in (*CORE_KINDS, POD):
            self._start(tasks, kind)
        await self.discover(tasks)
        kinds = (*CORE_KINDS, POD)
        await asyncio.gather(*(each.tried.wait() for kind in kinds for each in self._of_kind(kind)))

    async def discover(self, tasks: asyncio.TaskGroup) -> None:
        """Follow the optional kinds that there are now, and no others."""
        for kinds in OPTIONAL:
            there = await super().serves(*kinds)
            for kind in kinds:
                if there and kind not in self._informers:
                    self._start(tasks, kind)
                elif not there:
                    self._stop(kind)
        new = [each for kinds in OPTIONAL for kind in kinds for each in self._of_kind(kind)]
        try:
            # Not by wait_for, which in Python 3.11 swallows a cancel that comes with the last list.
            async with asyncio.timeout(FIRST_LIST_SECONDS):
                await asyncio.gather(*(each.listed.wait() for each in new))
        except TimeoutError:
            log.warning("objects of some kinds could not be read yet")
        self._served = frozenset(kind for kinds in OPTIONAL for kind in kinds if self._is_listed(kind))

    async def forget_lost_pipelines(self) -> None:
        """Forget the pipelines that went while kopf's watch was broken, of which it tells nothing."""
        versions, listed = set[int](), set[Key]()
        for scope in self._scopes:
            async for page in self.pages(PIPELINE, scope, "", metadata_only=True):
                versions.add(page.version)
                listed |= {_itself(each) for each in page.items}
        self.pipelines.settle(min(versions), listed)

    async def serves(self, *kinds: Kind) -> bool:
        """Return whether the cluster knows optional kinds, as was seen last."""
        return self._served.issuperset(kinds)

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object, or None if there is none: a pipeline and our Secrets as they are known."""
        if kind == SECRET:
            return await self._secret(namespace, name)
        if kind != PIPELINE:
            return await super().get(kind, namespace, name)
        entry = self.pipelines.get(namespace, name)
        if entry is None:
            self._contents.pop(Key(namespace, name), None)
        return entry.item if entry else None

    async def children(self, kind: Kind, pipeline: RagPipeline) -> Sequence[Manifest]:
        """Return the objects of a kind that bear a pipeline's labels."""
        namespace = pipeline.metadata.namespace
        informer = self._informer(kind, namespace)
        if informer is None:
            return await super().children(kind, pipeline)
        informer.check()
        found = informer.cache.of(Key(namespace, pipeline.metadata.name))
        if kind != SECRET:
            return found
        whole = await asyncio.gather(*(self._secret(namespace, each["metadata"]["name"]) for each in found))
        return [secret for secret in whole if secret]

    def written(self, kind: Kind, item: Manifest) -> None:
        """Take note of an object as the API server has it after a write."""
        if kind == PIPELINE:
            self.pipelines.written(item)
        elif informer := self._informer(kind, item["metadata"]["namespace"]):
            if kind == SECRET:
                self._keep(informer, item)
                item = {part: item[part] for part in ("apiVersion", "kind", "metadata")}
            informer.cache.written(item)

    def deleted(self, kind: Kind, item: Manifest) -> None:
        """Take note that an object is gone."""
        if informer := self._informer(kind, item["metadata"]["namespace"]):
            informer.cache.forget(item)

    async def _secret(self, namespace: str, name: str) -> Manifest | None:
        """Return a Secret: one of ours as it was read last, unless its version is another now."""
        informer = self._informer(SECRET, namespace)
        seen = informer.cache.get(namespace, name) if informer else None
        if seen:
            kept = self._contents[seen.pipeline].get(name)
            if kept and kept.version == seen.version:
                return kept.item
        found = await super().get(SECRET, namespace, name)
        if informer and seen and found:
            self._keep(informer, found)
        return found

    def _keep(self, informer: Informer, secret: Manifest) -> None:
        entry = informer.cache.entry(secret)
        self._contents[entry.pipeline][secret["metadata"]["name"]] = entry

    def _informer(self, kind: Kind, namespace: str) -> Informer | None:
        of_kind = self._informers.get(kind, {})
        return of_kind.get(namespace) or of_kind.get(EVERYWHERE)

    def _of_kind(self, kind: Kind) -> Sequence[Informer]:
        return list(self._informers.get(kind, {}).values())

    def _known(self) -> tuple[frozenset[Kind], frozenset[Kind]]:
        """Return the optional kinds that there are, and all kinds of which the objects are known."""
        believed = (kind for kind in self._informers if all(each.is_believed for each in self._of_kind(kind)))
        return self._served, frozenset(believed)

    def _is_listed(self, kind: Kind) -> bool:
        found = self._of_kind(kind)
        return bool(found) and all(each.listed.is_set() for each in found)

    def _start(self, tasks: asyncio.TaskGroup, kind: Kind) -> None:
        cluster = Cluster(self._transport)
        of_kind = {
            scope: Informer(cluster, kind, scope, Cache(_labelled, self._changed)) for scope in self._scopes
        }
        self._informers[kind] = of_kind
        self._running[kind] = [tasks.create_task(each.run()) for each in of_kind.values()]

    def _stop(self, kind: Kind) -> None:
        self._informers.pop(kind, None)
        for task in self._running.pop(kind, ()):
            task.cancel()


def _itself(pipeline: Manifest) -> Key:
    metadata = pipeline["metadata"]
    return Key(metadata["namespace"], metadata["name"])


def _labelled(child: Manifest) -> Key:
    metadata = child["metadata"]
    return Key(metadata["namespace"], metadata.get("labels", {}).get(INSTANCE, ""))
