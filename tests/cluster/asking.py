"""What an API server says to an object: asked by HTTP, which takes a fiftieth of the time of kubectl."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx

from rag_operator.names import FIELD_MANAGER, KINDS, PIPELINE, Kind
from tests.cluster.api_server import binary
from tests.patience import PATIENCE_SECONDS, eventually

Manifest = dict[str, Any]
APPLY = {"Content-Type": "application/apply-patch+yaml"}
WRITES = {"APPLY", "PATCH", "POST", "PUT", "DELETE"}
DRY: dict[str, str] = {"dryRun": "All", "fieldValidation": "Strict"}


class Refusal(Exception):
    """The API server refused an object; the text is what it said."""

    @property
    def shows_an_expression(self) -> bool:
        """Whether a user would have to read a regular expression."""
        return bool(re.search(r"\[[-a-zA-Z0-9]*[a-zA-Z0-9]-[a-zA-Z0-9]|\\\.|\^\w|\w\$", str(self)))


class Asking:
    """An API server, in one namespace."""

    def __init__(self, client: httpx.Client, namespace: str) -> None:
        self._client, self.namespace = client, namespace

    def create(self, pipeline: Manifest, *, dry: bool = True) -> Manifest:
        """Create a pipeline, or only ask; return it as it is stored, with its defaults."""
        return self._said("POST", self._path(PIPELINE), pipeline, DRY if dry else {})

    def replace(self, pipeline: Manifest, *, dry: bool = True) -> Manifest:
        """Replace a pipeline that was read, or only ask."""
        path = self._path(PIPELINE, pipeline["metadata"]["name"])
        return self._said("PUT", path, pipeline, DRY if dry else {})

    def write_status(self, pipeline: Manifest, status: Manifest) -> Manifest:
        """Apply the status of a pipeline as the operator does."""
        path = f"{self._path(PIPELINE, pipeline['metadata']['name'])}/status"
        body = {key: pipeline[key] for key in ("apiVersion", "kind")} | {
            "metadata": {"name": pipeline["metadata"]["name"]},
            "status": status,
        }
        return self._said("PATCH", path, body, {"fieldManager": FIELD_MANAGER, "force": "true"}, APPLY)

    def apply(self, child: Manifest) -> Manifest:
        """Ask what would become of a child if it were applied."""
        path = self._path(KINDS[child["kind"]], child["metadata"]["name"])
        return self._said("PATCH", path, child, {**DRY, "fieldManager": "test", "force": "true"}, APPLY)

    def get(self, kind: Kind, name: str) -> Manifest:
        """Read an object."""
        return self._said("GET", self._path(kind, name))

    def list(self, kind: Kind) -> list[Manifest]:
        """Read the objects of a kind."""
        return cast(list[Manifest], self._said("GET", self._path(kind))["items"])

    def writes(self, *kinds: Kind) -> int:
        """Return how many requests to write objects of some kinds there have been, whoever sent them."""
        plurals, told = {kind.plural for kind in kinds}, 0
        for line in self._client.get("/metrics").text.splitlines():
            if line.startswith("apiserver_request_total{"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                if labels["resource"] in plurals and labels["verb"] in WRITES and not labels["dry_run"]:
                    told += int(float(line.rpartition(" ")[2]))
        return told

    def _path(self, kind: Kind, name: str = "") -> str:
        group = f"/apis/{kind.api_version}" if "/" in kind.api_version else f"/api/{kind.api_version}"
        return f"{group}/namespaces/{self.namespace}/{kind.plural}" + (f"/{name}" if name else "")

    def _said(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Manifest:
        answer = self._client.request(method, path, json=body, params=query, headers=headers)
        said = cast(Manifest, answer.json())
        if answer.status_code >= 400:
            raise Refusal(said["message"])
        return said


@contextmanager
def asking(kubeconfig: Path, namespace: str, folder: Path) -> Iterator[Asking]:
    """Reach an API server by kubectl's proxy, which knows how to log in."""
    socket = folder / "proxy.sock"
    command = [binary("kubectl"), f"--kubeconfig={kubeconfig}", "proxy", f"--unix-socket={socket}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as proxy:
        try:
            eventually(socket.exists)
            transport = httpx.HTTPTransport(uds=str(socket))
            with httpx.Client(
                transport=transport, base_url="http://localhost", timeout=PATIENCE_SECONDS
            ) as client:
                yield Asking(client, namespace)
        finally:
            proxy.terminate()
