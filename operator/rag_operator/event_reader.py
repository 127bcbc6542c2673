"""Reads what Events say about children, for all pipelines of a namespace at once.

To answer for one object an API server reads all Events of its namespace: asked for each child of each pass,
it would read them thousands of times while hundreds of pipelines wait for their volumes.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from aiohttp import ClientError

from rag_operator.cluster import Cluster, ClusterError
from rag_operator.names import EVENT, Manifest

# Of thousands of Events no more is kept than `recorded` reads.
_READ = ("involvedObject", "type", "reason", "message", "series", "lastTimestamp", "eventTime")

Records = Mapping[str, Sequence[Manifest]]
"""Events by the UID of the object that they are about."""


class EventReader:
    """Lists the Events about a kind in a namespace; each list serves all who ask within so many seconds."""

    def __init__(self, cluster: Cluster, kept_seconds: float) -> None:
        self._cluster, self._kept_seconds = cluster, kept_seconds
        self._lists: dict[tuple[str, str], asyncio.Task[Records]] = {}

    async def about(self, children: Sequence[Manifest]) -> list[Manifest]:
        """Return the Events about some children."""
        lists = await asyncio.gather(
            *(self._of(child["metadata"]["namespace"], child["kind"]) for child in children)
        )
        pairs = zip(children, lists, strict=True)
        return [record for child, records in pairs for record in records.get(child["metadata"]["uid"], ())]

    async def _of(self, namespace: str, kind: str) -> Records:
        place = namespace, kind
        if place not in self._lists:
            task = self._lists[place] = asyncio.create_task(self._list(namespace, kind))
            task.add_done_callback(lambda _: self._forget_later(place))
        return await asyncio.shield(self._lists[place])  # a pass that is cancelled leaves it to the others

    def _forget_later(self, place: tuple[str, str]) -> None:
        asyncio.get_running_loop().call_later(self._kept_seconds, self._lists.pop, place)

    async def _list(self, namespace: str, kind: str) -> Records:
        found = defaultdict[str, list[Manifest]](list)
        try:
            async for page in self._cluster.pages(EVENT, namespace, fields=f"involvedObject.kind={kind}"):
                for each in page.items:
                    found[each["involvedObject"].get("uid", "")].append(_essence(each))
        except (ClusterError, ClientError, TimeoutError):  # without them a condition says less
            return {}
        return found


def _essence(record: Manifest) -> Manifest:
    return {part: record[part] for part in _READ if part in record}
