"""etcd, an API server that writes down who asked what, a controller manager, and kwok in place of nodes."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rag_operator.names import Kind, Manifest
from rag_operator.transport import ClusterError, Transport, path_of
from tests.cluster.api_server import OPERATOR, OPERATOR_TOKEN, TOKEN, api_server, binary, process

NODE = "kwok"
READS = {"get", "list", "watch"}
PODS = Kind("v1", "Pod", "pods")
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata", "users": [OPERATOR]}, {"level": "None"}],
}
STAGES = Path(__file__).parent / "stages.yaml"


class Request(NamedTuple):
    """What the operator asked of the API server, and when it was answered."""

    at: float
    verb: str
    resource: str


class ControlPlane:
    """A control plane, as the benchmark uses it."""

    def __init__(self, folder: Path, kubeconfig: Path, transport: Transport) -> None:
        self.kubeconfig = _of_the_operator(folder, kubeconfig)
        self.transport = transport
        self._audit = folder / "audit.log"

    def requests(self, since: float) -> list[Request]:
        """Return what the operator asked since then; a watch is told when it ends."""
        found = (_request(line) for line in self._audit.read_text().splitlines())
        return [each for each in found if each.at >= since]


@asynccontextmanager
async def control_plane(folder: Path) -> AsyncIterator[ControlPlane]:
    """Start it; pods are bound to kwok's node as they come."""
    (folder / "audit.json").write_text(json.dumps(_AUDIT))
    flags = (f"--audit-policy-file={folder / 'audit.json'}", f"--audit-log-path={folder / 'audit.log'}")
    with api_server(folder, *flags) as kubeconfig, _kwok(folder, kubeconfig):
        async with Transport.connect(kubeconfig) as transport:
            await transport.request("POST", "/api/v1/nodes", body=_node())
            binding = asyncio.create_task(_bind(transport))
            try:
                yield ControlPlane(folder, kubeconfig, transport)
            finally:
                binding.cancel()


@contextmanager
def _kwok(folder: Path, kubeconfig: Path) -> Iterator[None]:
    command = (
        binary("kwok", "kwok"),
        f"--kubeconfig={kubeconfig}",
        f"--config={STAGES}",
        "--manage-all-nodes=true",
    )
    with process(folder / "kwok.log", *command):
        yield


async def _bind(transport: Transport) -> None:
    """Bind pods to the node, which a scheduler would not do before their claims have volumes."""
    while True:
        path, query = path_of(PODS), [("fieldSelector", "spec.nodeName=")]
        answer = await transport.request("GET", path, query)
        await asyncio.gather(*(_bind_one(transport, pod) for pod in answer["items"] or ()))
        await asyncio.sleep(1)


async def _bind_one(transport: Transport, pod: Manifest) -> None:
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
    try:
        await transport.request("POST", path_of(PODS, namespace, name, "binding"), body=body)
    except ClusterError as error:
        if error.status not in {404, 409}:
            raise


def _node() -> Manifest:
    metadata = {"name": NODE, "annotations": {"kwok.x-k8s.io/node": "fake"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}


def _request(line: str) -> Request:
    event = json.loads(line)
    at = datetime.fromisoformat(event["stageTimestamp"]).timestamp()
    reference = event.get("objectRef", {})
    return Request(at, event["verb"], reference.get("resource", ""))


def _of_the_operator(folder: Path, kubeconfig: Path) -> Path:
    path = folder / "operator.kubeconfig"
    path.write_text(kubeconfig.read_text().replace(TOKEN, OPERATOR_TOKEN))
    return path
