"""What a running pipeline weighs: memory of each workload at rest, and the sizes of its images."""

import json
from typing import Any

from demo.install import NAMESPACE, OPERATOR_NAMESPACE
from demo.kube import Kube

MIB = 2**20


async def memory(kube: Kube) -> dict[str, float]:
    """Returns the working set in MiB of each container of the demo's namespaces, by `<workload>/<container>`."""
    found: dict[str, float] = {}
    for node in json.loads(await kube.kubectl("get", "nodes", "-o", "json"))["items"]:
        summary = await kube.kubectl(
            "get", "--raw", f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
        )
        for pod in json.loads(summary)["pods"]:
            if pod["podRef"]["namespace"] in (NAMESPACE, OPERATOR_NAMESPACE):
                found |= {
                    f"{_workload(pod['podRef']['name'])}/{container['name']}": _mebibytes(container)
                    for container in pod.get("containers", [])
                }
    return dict(sorted(found.items()))


async def image_sizes(kube: Kube) -> dict[str, float]:
    """Returns the size in MiB of each of the pipeline's images, as the nodes hold them."""
    found: dict[str, float] = {}
    for node in json.loads(await kube.kubectl("get", "nodes", "-o", "json"))["items"]:
        for image in node["status"]["images"]:
            names = [name.rpartition("/")[2].partition(":")[0] for name in image["names"] if ":" in name]
            found |= {
                name: round(image["sizeBytes"] / MIB, 1) for name in names if name.startswith("ragpipeline-")
            }
    return dict(sorted(found.items()))


def _workload(pod: str) -> str:
    """Returns the name of a Deployment or StatefulSet, without what its controllers append for a pod."""
    parts = pod.split("-")
    return "-".join(parts[:-1] if parts[-1].isdigit() else parts[:-2])


def _mebibytes(container: dict[str, Any]) -> float:
    return round(container.get("memory", {}).get("workingSetBytes", 0) / MIB, 1)
