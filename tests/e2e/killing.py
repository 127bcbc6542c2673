"""Kills containers with SIGKILL, as the kernel does when memory runs out.

No process can send SIGKILL to the first one of its own PID namespace, and deleting a pod sends SIGTERM first
even with a grace period of 0. So a pod that shares the node's PID namespace finds the container's processes
and kills them: this needs nothing of the cluster but the right to create a privileged pod.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from demo.install import create_namespace
from demo.kube import Kube
from demo.pipeline import Pipeline

NAMESPACE = "ragpipeline-e2e-killer"
NAME = "killer"
KILLED = 128 + 9
# A process belongs to a container when its control group is named after the container's id.
SCRIPT = """
import os, pathlib, signal, sys
for group in pathlib.Path("/proc").glob("[0-9]*/cgroup"):
    try:
        if sys.argv[1] in group.read_text():
            os.kill(int(group.parent.name), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass
"""


@dataclass(frozen=True)
class Killer:
    """Kills the containers of a pipeline's pods."""

    kube: Kube
    namespace: str

    async def kill(self, selector: str, container: str) -> int:
        """Sends SIGKILL to all processes of the running containers of that name; returns their number."""
        pods = await self.kube.list("pods", self.namespace, selector)
        ids = [state["containerID"] for state in _states(pods, container) if "running" in state["state"]]
        for container_id in ids:
            command = ("python", "-c", SCRIPT, container_id.rpartition("/")[2])
            await self.kube.kubectl("exec", "-n", NAMESPACE, NAME, "--", *command)
        return len(ids)

    async def killed(self, selector: str, container: str) -> int:
        """Returns how often those containers were restarted after their last end was by SIGKILL."""
        pods = await self.kube.list("pods", self.namespace, selector)
        return sum(
            state["restartCount"]
            for state in _states(pods, container)
            if state["lastState"].get("terminated", {}).get("exitCode") == KILLED
        )


def _states(pods: list[dict[str, Any]], container: str) -> list[dict[str, Any]]:
    states = (state for pod in pods for state in pod["status"].get("containerStatuses", []))
    return [state for state in states if state["name"] == container]


@asynccontextmanager
async def killer_pod(pipeline: Pipeline) -> AsyncIterator[Killer]:
    """Runs the pod that kills while the body runs; its image is the embedding service's, for its Python."""
    kube = pipeline.kube
    deployment = await kube.get("deployment", f"{pipeline.name}-embedding", pipeline.namespace)
    assert deployment
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "hostPID": True,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": NAME,
                    "image": image,
                    "command": ["sleep", "3600"],
                    "securityContext": {"privileged": True, "runAsUser": 0},
                }
            ],
        },
    }
    await create_namespace(kube, NAMESPACE)
    await kube.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    try:
        await kube.kubectl("wait", "-n", NAMESPACE, f"pod/{NAME}", "--for=condition=Ready", "--timeout=60s")
        yield Killer(kube, pipeline.namespace)
    finally:
        await kube.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
