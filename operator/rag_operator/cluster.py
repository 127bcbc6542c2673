"""The only module that says what is asked of the API server: read, create, replace, delete, watch."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from rag_operator import names
from rag_operator.names import EVENT, FIELD_MANAGER, KINDS, NAMESPACE, PIPELINE, Kind, Manifest
from rag_operator.pipeline import RagPipeline
from rag_operator.transport import (
    JSON,
    ClusterError,
    Immutable,
    InvalidName,
    NamespaceEnding,
    Transport,
    path_of,
)

__all__ = [
    "Change",
    "Cluster",
    "ClusterError",
    "Expired",
    "Immutable",
    "InvalidName",
    "NamespaceEnding",
    "Page",
    "PipelineGone",
]

APPLY = "application/apply-patch+yaml"
PAGE_OBJECTS = 250
WATCH_SECONDS = 600
_AS_OURS = (("fieldManager", FIELD_MANAGER),)
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


class PipelineGone(ClusterError):
    """The pipeline was deleted while a pass over it was made."""


class Expired(ClusterError):
    """What a watch was to go on from is no longer known: list again."""


class Page(NamedTuple):
    """A part of a list, with the version of the whole."""

    version: int
    items: list[Manifest]


class Change(NamedTuple):
    """What a watch tells: ADDED, MODIFIED or DELETED with the object, or BOOKMARK with its version alone."""

    type: str
    item: Manifest


class Cluster:
    """An asynchronous view of one Kubernetes API server; each read is a request."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def uid(self) -> str:
        """Return what tells this cluster from all others: the UID of a namespace that each one has."""
        found = await self._transport.request("GET", path_of(NAMESPACE, name="kube-system"))
        return str(found["metadata"]["uid"])

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object, or None if there is none."""
        try:
            return await self._transport.request("GET", path_of(kind, namespace, name))
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def list(self, kind: Kind, namespace: str = "", selector: str = "") -> list[Manifest]:
        """Return the objects of a kind, in one namespace or (empty) in all."""
        query = [("labelSelector", selector)] if selector else []
        answer = await self._transport.request("GET", path_of(kind, namespace or None), query)
        return [_whole(kind, item) for item in answer["items"] or ()]

    async def children(self, kind: Kind, pipeline: RagPipeline) -> Sequence[Manifest]:
        """Return the objects of a kind that bear a pipeline's labels."""
        return await self.list(kind, pipeline.metadata.namespace, names.children_selector(pipeline))

    async def pages(
        self,
        kind: Kind,
        namespace: str,
        selector: str = "",
        *,
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Page]:
        """Yield the objects of a kind, page by page: thousands at once would be in memory for ever."""
        accept = _METADATA.format("List") if metadata_only else JSON
        selectors = (("labelSelector", selector), ("fieldSelector", fields))
        query = [*(each for each in selectors if each[1]), ("limit", str(PAGE_OBJECTS))]
        following = ""
        while True:
            more = [("continue", following)] if following else []
            try:
                answer = await self._transport.request(
                    "GET", path_of(kind, namespace or None), [*query, *more], accept=accept
                )
            except ClusterError as error:
                raise _expired(error) from None
            metadata = answer["metadata"]
            yield Page(
                int(metadata["resourceVersion"]), [_whole(kind, item) for item in answer["items"] or ()]
            )
            following = metadata.get("continue", "")
            if not following:
                return

    @asynccontextmanager
    async def watch(
        self, kind: Kind, namespace: str, selector: str, version: int, *, metadata_only: bool = False
    ) -> AsyncIterator[AsyncIterator[Change]]:
        """Ask for what happens after a version, and yield it for some minutes.

        Raises Expired, at once or later, when that version is no longer known.
        """
        accept = _METADATA.format("") if metadata_only else JSON
        query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(WATCH_SECONDS)),
            ("labelSelector", selector),
            ("resourceVersion", str(version)),
        ]
        try:
            async with self._transport.lines(path_of(kind, namespace or None), query, accept) as lines:
                yield (_change(kind, json.loads(line)) async for line in lines)
        except ClusterError as error:
            raise _expired(error) from None

    async def create(self, manifest: Manifest) -> Manifest:
        """Make a child; return it as it is now. ClusterError (409) if somebody was faster."""
        kind = KINDS[manifest["kind"]]
        path = path_of(kind, manifest["metadata"]["namespace"])
        made = await self._transport.request("POST", path, _AS_OURS, manifest)
        self.written(kind, made)
        return made

    async def replace(self, manifest: Manifest) -> Manifest:
        """Replace the very object that was read, as a whole; return it as it is now.

        Nothing is written when that changes nothing. ClusterError (409) if somebody else changed it since.
        """
        metadata = manifest["metadata"]
        kind = KINDS[manifest["kind"]]
        path = path_of(kind, metadata["namespace"], metadata["name"])
        made = await self._transport.request("PUT", path, _AS_OURS, manifest)
        self.written(kind, made)
        return made

    async def apply_status(self, namespace: str, name: str, status: Manifest) -> None:
        """Apply the whole status of a pipeline; raise PipelineGone if there is none any more."""
        path = path_of(PIPELINE, namespace, name, "status")
        identity = {"apiVersion": PIPELINE.api_version, "kind": PIPELINE.kind, "metadata": {"name": name}}
        try:
            query, body = [*_AS_OURS, ("force", "true")], {**identity, "status": status}
            found = await self._transport.request("PATCH", path, query, body, content_type=APPLY)
            self.written(PIPELINE, found)
        except ClusterError as error:
            if error.status != 404:
                raise
            raise PipelineGone(404, str(error)) from None

    async def delete(self, manifest: Manifest) -> None:
        """Delete the very object that was read; one that is gone already is no error."""
        metadata = manifest["metadata"]
        path = path_of(KINDS[manifest["kind"]], metadata["namespace"], metadata["name"])
        options = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        try:
            left = await self._transport.request("DELETE", path, body=options)
        except ClusterError as error:
            if error.status not in {404, 409}:
                raise
            return
        if left.get("kind") == "Status":  # else a finalizer holds it
            self.deleted(KINDS[manifest["kind"]], manifest)

    async def serves(self, *kinds: Kind) -> bool:
        """Return whether the cluster knows some kinds of one group."""
        (api_version,) = {kind.api_version for kind in kinds}
        try:
            answer = await self._transport.request("GET", f"/apis/{api_version}")
        except ClusterError as error:
            if error.status == 404:
                return False
            raise
        return {kind.plural for kind in kinds} <= {resource["name"] for resource in answer["resources"]}

    async def record(self, event: Manifest) -> None:
        """Record an Event."""
        await self._transport.request("POST", path_of(EVENT, event["metadata"]["namespace"]), body=event)

    def written(self, kind: Kind, item: Manifest) -> None:
        """Take note of an object as the API server has it after a write."""

    def deleted(self, kind: Kind, item: Manifest) -> None:
        """Take note that an object is gone."""


def _whole(kind: Kind, item: Manifest) -> Manifest:
    """Return an item of a list, or a part of an object, with what it is."""
    return {**item, "apiVersion": kind.api_version, "kind": kind.kind}


def _change(kind: Kind, told: Manifest) -> Change:
    if told["type"] == "ERROR":
        raise ClusterError(told["object"].get("code", 500), str(told["object"].get("message")))
    return Change(told["type"], _whole(kind, told["object"]))


def _expired(error: ClusterError) -> ClusterError:
    return Expired(410, str(error)) if error.status == 410 else error
