"""The only module that talks to the API server: read, server-side apply, delete, and which kinds exist."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import quote

from kubernetes.aio.client import ApiClient
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from rag_operator.names import EVENT, FIELD_MANAGER, KINDS, NAMESPACE, PIPELINE, Kind, Manifest

APPLY = "application/apply-patch+yaml"
REQUEST_TIMEOUT_SECONDS = 30


class ClusterError(Exception):
    """The API server refused a request; the text is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class InvalidName(ClusterError):
    """A name that is no segment of a path, and so of no object; nothing was sent."""


class NamespaceEnding(ClusterError):
    """The namespace is being deleted, or is gone: nothing new can be made in it."""


class PipelineGone(ClusterError):
    """The pipeline was deleted while a pass over it was made."""


class Cluster:
    """An asynchronous view of one Kubernetes API server.

    Which optional kinds exist is asked again after `discovery_seconds`: KEDA may come or go at any time.
    """

    def __init__(self, client: ApiClient, discovery_seconds: float) -> None:
        self._client = client
        self._discovery_seconds = discovery_seconds
        self._discovered: dict[str, tuple[float, frozenset[str]]] = {}

    @classmethod
    @asynccontextmanager
    async def connect(cls, discovery_seconds: float) -> "AsyncIterator[Cluster]":
        """Connect with the pod's service account, or else with the kubeconfig of the user."""
        try:
            load_incluster_config()
        except ConfigException:
            await load_kube_config()
        async with ApiClient() as client:
            yield cls(client, discovery_seconds)

    async def uid(self) -> str:
        """Return what tells this cluster from all others: the UID of a namespace that each one has."""
        found = await self._request("GET", _path(NAMESPACE, name="kube-system"))
        return str(found["metadata"]["uid"])

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object, or None if there is none."""
        try:
            return await self._request("GET", _path(kind, namespace, name))
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def list(
        self, kind: Kind, namespace: str = "", selector: str = "", fields: str = ""
    ) -> list[Manifest]:
        """Return the objects of a kind, in one namespace or (empty) in all."""
        selectors = (("labelSelector", selector), ("fieldSelector", fields))
        query = [(name, value) for name, value in selectors if value]
        try:
            answer = await self._request("GET", _path(kind, namespace or None), query)
        except ClusterError as error:
            if error.status == 404:  # the kind was there a moment ago
                self._discovered.pop(kind.api_version, None)
            raise
        # Items of a list come without these two.
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in answer["items"]]

    async def apply(self, manifest: Manifest, manager: str = FIELD_MANAGER, *, force: bool = True) -> None:
        """Apply a child on the server's side; the fields that it names become the manager's.

        Without `force`, ClusterError (409) if another manager has given one of them another value.
        """
        metadata = manifest["metadata"]
        path = _path(KINDS[manifest["kind"]], metadata["namespace"], metadata["name"])
        await self._apply(path, manifest, manager, force=force)

    async def apply_status(self, namespace: str, name: str, status: Manifest) -> None:
        """Apply the whole status of a pipeline; raise PipelineGone if there is none any more."""
        path = _path(PIPELINE, namespace, name, "status")
        identity = {"apiVersion": PIPELINE.api_version, "kind": PIPELINE.kind, "metadata": {"name": name}}
        try:
            await self._apply(path, {**identity, "status": status}, FIELD_MANAGER)
        except ClusterError as error:
            if error.status != 404:
                raise
            raise PipelineGone(404, str(error)) from None

    async def delete(self, manifest: Manifest) -> None:
        """Delete the very object that was read; one that is gone already is no error."""
        metadata = manifest["metadata"]
        path = _path(KINDS[manifest["kind"]], metadata["namespace"], metadata["name"])
        options = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        try:
            await self._request("DELETE", path, body=options)
        except ClusterError as error:
            if error.status not in {404, 409}:
                raise

    async def serves(self, kind: Kind) -> bool:
        """Return whether the cluster knows an optional kind."""
        read_at, plurals = self._discovered.get(kind.api_version, (0.0, frozenset()))
        if read_at == 0.0 or time.monotonic() - read_at > self._discovery_seconds:
            plurals = await self._discover(kind.api_version)
            self._discovered[kind.api_version] = time.monotonic(), plurals
        return kind.plural in plurals

    async def record(self, event: Manifest) -> None:
        """Record an Event."""
        await self._request("POST", _path(EVENT, event["metadata"]["namespace"]), body=event)

    async def _apply(self, path: str, manifest: Manifest, manager: str, *, force: bool = True) -> None:
        query = [("fieldManager", manager), ("force", "true" if force else "false")]
        await self._request("PATCH", path, query, manifest, APPLY)

    async def _discover(self, api_version: str) -> frozenset[str]:
        try:
            answer = await self._request("GET", f"/apis/{api_version}")
        except ClusterError as error:
            if error.status == 404:
                return frozenset()
            raise
        return frozenset(resource["name"] for resource in answer["resources"])

    async def _request(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: Manifest | None = None,
        content_type: str = "application/json",
    ) -> Manifest:
        request = await self._client.param_serialize(
            method,
            path,
            query_params=list(query),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = await self._client.call_api(*request, _request_timeout=REQUEST_TIMEOUT_SECONDS)
        content = cast(bytes, await response.read())
        if response.status >= 400:
            raise _error(response.status, content)
        return cast(dict[str, Any], json.loads(content))


def _path(kind: Kind, namespace: str | None = None, name: str | None = None, subresource: str = "") -> str:
    """Return the path of an object, or without a name of a kind; without a namespace, of all namespaces.

    Raises InvalidName: no name may lead to another object than the one that it names, wherever it comes from.
    """
    group = f"/apis/{kind.api_version}" if "/" in kind.api_version else f"/api/{kind.api_version}"
    scope = "" if namespace is None else f"/namespaces/{_segment(namespace)}"
    own = "" if name is None else f"/{_segment(name)}"
    return f"{group}{scope}/{kind.plural}{own}" + (f"/{subresource}" if subresource else "")


def _segment(name: str) -> str:
    """Return a name as one segment of a path; refuse what the API server refuses in one."""
    if name in {"", ".", ".."} or "/" in name or "%" in name:
        raise InvalidName(400, f"{name!r} is no name of an object")
    return quote(name, safe="")


def _error(status: int, content: bytes) -> ClusterError:
    """Return what the API server says in its Status, or the bare text of a proxy before it."""
    try:
        answer = json.loads(content)
        message, details = str(answer["message"]), answer.get("details") or {}
    except (ValueError, KeyError, TypeError):
        return ClusterError(status, content.decode(errors="replace")[:500])
    causes = {cause.get("reason") for cause in details.get("causes", ())}
    ending = "NamespaceTerminating" in causes or (status == 404 and details.get("kind") == "namespaces")
    return (NamespaceEnding if ending else ClusterError)(status, message)
