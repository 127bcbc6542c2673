"""What a running pipeline weighs: memory of each workload at rest, and the sizes of its images."""

import json

from demo.install import NAMESPACE, OPERATOR_NAMESPACE
from demo.kube import Kube
from demo.paths import IMAGE_VALUES

MIB = 2**20


async def memory(kube: Kube) -> dict[str, float]:
    """Returns the working set of each container of the demo, in MiB, by `<workload>/<container>`."""
    found: dict[str, float] = {}
    for node in json.loads(await kube.kubectl("get", "nodes", "-o", "json"))["items"]:
        path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
        for pod in json.loads(await kube.kubectl("get", "--raw", path))["pods"]:
            if pod["podRef"]["namespace"] in (NAMESPACE, OPERATOR_NAMESPACE):
                for container in pod.get("containers", []):
                    used = container.get("memory", {}).get("workingSetBytes", 0)
                    found[f"{_workload(pod['podRef']['name'])}/{container['name']}"] = round(used / MIB, 1)
    return dict(sorted(found.items()))


async def image_sizes(kube: Kube) -> dict[str, float]:
    """Returns the size of each of the images in use as the nodes hold them, in MiB."""
    values = json.loads(IMAGE_VALUES.read_text())
    used = {*values["images"].values(), *values["modelImages"].values()}
    found: dict[str, float] = {}
    for node in json.loads(await kube.kubectl("get", "nodes", "-o", "json"))["items"]:
        for image in node["status"]["images"]:
            for name in used.intersection(image["names"] or ()):
                found[name.rpartition("/")[2].partition(":")[0]] = round(image["sizeBytes"] / MIB, 1)
    return dict(sorted(found.items()))


def _workload(pod: str) -> str:
    """Returns the name of a Deployment or StatefulSet, without what its controllers append for a pod."""
    parts = pod.split("-")
    return "-".join(parts[:-1] if parts[-1].isdigit() else parts[:-2])
