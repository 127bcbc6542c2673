"""Requests to the API server: paths, timeouts, errors, and lines that come for as long as a watch lasts."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from aiohttp import ClientTimeout
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from rag_operator.names import Kind, Manifest

CONNECT_SECONDS = 10
REQUEST_SECONDS = 30
# The API server says something on each watch about once a minute, be it a bookmark.
SILENCE_SECONDS = 150
# Each watch is a connection: a score of kinds in each of the namespaces that are served.
CONNECTIONS = 1000
JSON = "application/json"
READS = {"GET"}


class ClusterError(Exception):
    """The API server refused a request; the text is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class InvalidName(ClusterError):
    """A name that is no segment of a path, and so of no object; nothing was sent."""


class Immutable(ClusterError):
    """All that was refused of an object is that it differs from the one there: another can be made anew."""


class NamespaceEnding(ClusterError):
    """The namespace is being deleted, or is gone: nothing new can be made in it."""


class Transport:
    """Sends requests with the credentials of the operator.

    Before each write `may_write` is called, which raises if another operator may have taken over.
    """

    def __init__(self, client: ApiClient, may_write: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._may_write = may_write

    @classmethod
    @asynccontextmanager
    async def connect(cls, kubeconfig: Path | None = None) -> "AsyncIterator[Transport]":
        """Connect with a kubeconfig, the pod's service account, or else with the kubeconfig of the user."""
        # Proxies are those of a kubeconfig: aiohttp looks for the environment's in a thread, before each
        # request, and whatever holds up those threads, such as a DNS server that is away, would hold up all.
        configuration = Configuration(
            connection_pool_maxsize=CONNECTIONS, client_session_kwargs={"trust_env": False}
        )
        if kubeconfig:
            await load_kube_config(config_file=str(kubeconfig), client_configuration=configuration)
        else:
            await _load_own(configuration)
        async with ApiClient(configuration) as client:
            client.user_agent = "ragpipeline-operator"
            yield cls(client)

    def guarded(self, may_write: Callable[[], None]) -> "Transport":
        """Return the same for those who must ask before they write."""
        return Transport(self._client, may_write)

    async def request(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: Manifest | None = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Manifest:
        """Return what the API server answers; raise ClusterError if it refuses."""
        if method not in READS:
            self._may_write()
        headers = {"Accept": accept, "Content-Type": content_type}
        limits = ClientTimeout(total=REQUEST_SECONDS, connect=CONNECT_SECONDS)
        response = await self._send(method, path, query, headers=headers, limits=limits, body=body)
        content = cast(bytes, await response.read())
        if response.status >= 400:
            raise _error(response.status, content)
        return cast(dict[str, Any], json.loads(content))

    @asynccontextmanager
    async def lines(
        self, path: str, query: Sequence[tuple[str, str]], accept: str
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Ask for an answer that lasts, and yield its lines until it ends; one that falls silent is cut."""
        limits = ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        response = await self._send("GET", path, query, headers={"Accept": accept}, limits=limits)
        try:
            if response.status >= 400:
                raise _error(response.status, await response.read())
            yield aiter(response.content)
        finally:
            response.close()

    async def _send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        headers: dict[str, str],
        limits: ClientTimeout,
        body: Manifest | None = None,
    ) -> Any:
        request = await self._client.param_serialize(
            method,
            path,
            query_params=list(query),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = await self._client.call_api(*request, _request_timeout=limits)
        return answer.response


async def _load_own(configuration: Configuration) -> None:
    try:
        load_incluster_config(client_configuration=configuration)
    except ConfigException:
        await load_kube_config(client_configuration=configuration)


def path_of(kind: Kind, namespace: str | None = None, name: str | None = None, subresource: str = "") -> str:
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
    if causes and all(_is_settled(str(cause.get("message"))) for cause in details["causes"]):
        return Immutable(status, message)
    ending = "NamespaceTerminating" in causes or (status == 404 and details.get("kind") == "namespaces")
    return (NamespaceEnding if ending else ClusterError)(status, message)


def _is_settled(message: str) -> bool:
    """Whether a field was refused for what it was before: in the words of apimachinery, apps and Services."""
    settled = ("field is immutable", "updates to statefulset spec", "may not change once set")
    return any(words in message for words in settled)
