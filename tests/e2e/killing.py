"""Stops, continues and kills containers by signals that they cannot refuse, as the kernel does.

No process can send SIGKILL to the first one of its own PID namespace, and deleting a pod sends SIGTERM first
even with a grace period of 0. So a pod that shares the node's PID namespace finds the container's processes
and signals them: this needs nothing of the cluster but the right to create a privileged pod.
"""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from signal import Signals
from typing import Any

from demo.install import create_namespace
from demo.kube import Kube
from demo.pipeline import Pipeline

from tests.patience import PATIENCE_SECONDS, until

NAMESPACE = "ragpipeline-e2e-killer"
NAME = "killer"
KILLED = 128 + Signals.SIGKILL
# A process belongs to a container when its control group is named after the container's id.
SCRIPT = """
import os, pathlib, sys
for group in pathlib.Path("/proc").glob("[0-9]*/cgroup"):
    try:
        text = group.read_text()
        if any(container in text for container in sys.argv[2:]):
            os.kill(int(group.parent.name), int(sys.argv[1]))
    except (FileNotFoundError, ProcessLookupError):
        pass
"""


@dataclass(frozen=True)
class Killer:
    """Signals the containers of a pipeline's pods: those of one name, which is their component's too."""

    kube: Kube
    namespace: str
    pipeline: str

    async def send(self, signal: Signals, component: str) -> set[str]:
        """Sends a signal to all processes of the running containers; returns the containers' ids."""
        ids = await self.running(component)
        await self.send_to(signal, ids)
        return ids

    async def send_to(self, signal: Signals, ids: Iterable[str]) -> None:
        """Sends a signal to all processes of these containers."""
        names = (container_id.rpartition("/")[2] for container_id in ids)
        command = ("python", "-c", SCRIPT, str(int(signal)), *names)
        await self.kube.kubectl("exec", "-n", NAMESPACE, NAME, "--", *command)

    async def running(self, component: str) -> set[str]:
        """Returns the ids of the running containers."""
        states = await self._states(component)
        return {state["containerID"] for state in states if "running" in state["state"]}

    async def replaced(self, component: str, killed: set[str]) -> None:
        """Waits until the containers that were killed are known to be gone, and as many are ready again."""

        async def ready() -> bool:
            states = await self._states(component)
            ready = {state["containerID"] for state in states if state["ready"]}
            return len(ready) >= len(killed) and not ready & killed

        await until(ready, pause=0.5)

    async def killed(self, component: str) -> int:
        """Returns how many of the containers were restarted after an end by SIGKILL."""
        ends = [state["lastState"].get("terminated", {}) for state in await self._states(component)]
        return sum(end.get("exitCode") == KILLED for end in ends)

    async def _states(self, component: str) -> list[dict[str, Any]]:
        selector = f"app.kubernetes.io/instance={self.pipeline},app.kubernetes.io/component={component}"
        pods = await self.kube.list("pods", self.namespace, selector)
        states = (state for pod in pods for state in pod["status"].get("containerStatuses", []))
        # Those of a second index have a component of their own, and containers of the same names.
        name = component.removesuffix("-b")
        return [state for state in states if state["name"] == name]


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
                    "command": ["sleep", "infinity"],
                    "securityContext": {"privileged": True, "runAsUser": 0},
                }
            ],
        },
    }
    await create_namespace(kube, NAMESPACE)
    await kube.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    try:
        ready = ("--for=condition=Ready", f"--timeout={PATIENCE_SECONDS}s")
        await kube.kubectl("wait", "-n", NAMESPACE, f"pod/{NAME}", *ready)
        yield Killer(kube, pipeline.namespace, pipeline.name)
    finally:
        # Or the next test would find this pod, which is about to end, and take it for its own.
        await kube.kubectl("delete", "namespace", NAMESPACE, f"--timeout={PATIENCE_SECONDS}s")
