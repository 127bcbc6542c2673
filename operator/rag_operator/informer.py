"""Keeps a cache as the API server has it: a list, then a watch for as long as it can go on from there.

kopf could watch by a label too, but tells nothing of what ended while its watch was broken, and the informer
of the Kubernetes client is a thread for each kind.
"""

import asyncio
import time

import structlog

from rag_operator.cache import Cache, Name
from rag_operator.cluster import Change, Cluster, ClusterError, Expired
from rag_operator.names import FIELD_MANAGER, INSTANCE, MANAGED_BY, SECRET, Kind

OURS = f"{MANAGED_BY}={FIELD_MANAGER},{INSTANCE}"
FIRST_DELAY_SECONDS = 0.5
RECONNECT_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 30.0
# A cache is believed while its watch breaks off for a moment, as with each restart of an API server.
BELIEVED_SECONDS = 30.0
log = structlog.get_logger()


class Informer:
    """Follows our objects of one kind, in one namespace or (empty) in all; of Secrets the metadata alone."""

    def __init__(self, cluster: Cluster, kind: Kind, namespace: str, cache: Cache) -> None:
        self.cache = cache
        self.listed = asyncio.Event()
        """Set once the cache holds all that there is."""
        self.tried = asyncio.Event()
        """Set once it was tried to fill the cache, whether it may be read or not."""
        self._cluster, self._kind, self._namespace = cluster, kind, namespace
        self._metadata_only = kind == SECRET
        self._lost: tuple[float, Exception] | None = None

    @property
    def is_believed(self) -> bool:
        """Whether the cache was filled, and is not too old."""
        age = time.monotonic() - self._lost[0] if self._lost else 0.0
        return self.listed.is_set() and age <= BELIEVED_SECONDS

    def check(self) -> None:
        """Raise ClusterError if the cache cannot be believed."""
        if not self.is_believed:
            why = self._lost[1] if self._lost else "they are not all read yet"
            raise ClusterError(503, f"{self._kind.plural} cannot be watched: {why}")

    async def run(self) -> None:
        """Follow until cancelled, whatever goes wrong."""
        delay = FIRST_DELAY_SECONDS
        relist = True
        while True:
            try:
                if relist:
                    await self._list()
                    relist = False
                await self._watch()
                delay = FIRST_DELAY_SECONDS
                await asyncio.sleep(RECONNECT_SECONDS)
            except Expired:
                relist = True
            except Exception as error:
                since = self._lost[0] if self._lost else time.monotonic()
                self._lost = since, error
                self.tried.set()
                log.warning("a watch broke off", kind=self._kind.plural, error=repr(error), delay=delay)
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def _list(self) -> None:
        version, listed = 0, set[Name]()
        pages = self._cluster.pages(self._kind, self._namespace, OURS, metadata_only=self._metadata_only)
        async for page in pages:
            if page.version < self.cache.version:  # the cluster was restored from a backup
                self.cache.clear()
            version = page.version
            listed |= self.cache.take(page.items)
        self.cache.settle(version, listed)
        self.listed.set()
        self.tried.set()

    async def _watch(self) -> None:
        version = self.cache.version
        async with self._cluster.watch(
            self._kind, self._namespace, OURS, version, metadata_only=self._metadata_only
        ) as changes:
            self._lost = None
            async for change in changes:
                self._take(change)

    def _take(self, change: Change) -> None:
        match change.type:
            case "ADDED" | "MODIFIED":
                self.cache.put(change.item)
            case "DELETED":
                self.cache.remove(change.item)
            case "BOOKMARK":
                self.cache.version = int(change.item["metadata"]["resourceVersion"])
