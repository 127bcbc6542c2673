"""One RagPipeline in a cluster: what it says of itself, its pods, its API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from rich.markup import escape

from rag_cli.client import Client
from rag_contract.endpoints import API_PORT

from .errors import DemoError
from .kube import Kube
from .steps import Step

READY_TIMEOUT = 300.0
POLL_SECONDS = 1.0
MARKS = {"True": "[green]✓[/]", "False": "[yellow]✗[/]", "Unknown": "[dim]?[/]"}
STARTING = "[dim]…[/]"


class NotReady(DemoError):
    """A pipeline did not become Ready in time."""


@dataclass(frozen=True)
class Replicas:
    """Embedding pods: as many as KEDA wants, and as many as are ready."""

    desired: int
    ready: int


@dataclass(frozen=True)
class Pipeline:
    """A RagPipeline by name."""

    kube: Kube
    name: str
    namespace: str

    async def conditions(self) -> dict[str, dict[str, Any]]:
        """Returns the conditions by type; none before the operator has seen the present generation."""
        resource = await self.kube.get("ragpipeline", self.name, self.namespace)
        status = (resource or {}).get("status", {})
        if not resource or status.get("observedGeneration") != resource["metadata"]["generation"]:
            return {}
        return {condition["type"]: condition for condition in status.get("conditions", [])}

    async def wait_ready(self, step: Step) -> None:
        """Prints each condition as it changes until Ready is True; raises NotReady after READY_TIMEOUT."""
        seen: dict[str, tuple[str, str]] = {}
        while True:
            conditions = await self.conditions()
            for kind, condition in conditions.items():
                state = condition["status"], condition["reason"]
                if kind != "Ready" and seen.get(kind) != state:
                    seen[kind] = state
                    mark = STARTING if state == ("False", "Progressing") else MARKS[state[0]]
                    step.log(f"{mark} {kind} [dim]{state[1]}: {escape(condition['message'])}[/]")
            ready = conditions.get("Ready", {"status": "Unknown", "message": "not seen by the operator yet"})
            if ready["status"] == "True":
                return
            if step.seconds > READY_TIMEOUT:
                raise NotReady(f"{self.name} is not Ready after {READY_TIMEOUT:.0f} s: {ready['message']}")
            step.say(ready["message"])
            await asyncio.sleep(POLL_SECONDS)

    async def wait_rolled_out(self, api_image: str) -> None:
        """Waits until all pods are new: an upgraded operator changes a pipeline that was Ready before.

        The API is the last Deployment that the operator writes; once it has the image, all have theirs.
        """
        written = f"--for=jsonpath={{.spec.template.spec.containers[0].image}}={api_image}"
        where = ("--namespace", self.namespace, f"--timeout={READY_TIMEOUT:.0f}s")
        await self.kube.kubectl("wait", f"deployment/{self.name}-api", written, *where)
        await self._rolled_out()

    async def _rolled_out(self) -> None:
        where = ("--namespace", self.namespace, f"--timeout={READY_TIMEOUT:.0f}s")
        mine = f"app.kubernetes.io/instance={self.name}"
        await self.kube.kubectl("rollout", "status", "deployment", "--selector", mine, *where)

    async def patch(self, spec: dict[str, Any], step: Step) -> None:
        """Merges a change into the spec, and waits until the pipeline is Ready with new pods."""
        change = ("--type", "merge", "--patch", json.dumps({"spec": spec}))
        await self.kube.kubectl("patch", "ragpipeline", self.name, "--namespace", self.namespace, *change)
        await self.wait_ready(step)
        await self._rolled_out()

    async def target_queue_length(self) -> int:
        """Returns how many batches each embedding pod should have waiting, by the resource."""
        resource = await self.kube.get("ragpipeline", self.name, self.namespace)
        assert resource
        return int(resource["spec"]["embedding"]["managed"]["autoscaling"]["targetQueueLength"])

    async def replicas(self) -> Replicas:
        """Returns the wanted and the ready embedding pods."""
        deployment = await self.kube.get("deployment", f"{self.name}-embedding", self.namespace)
        if not deployment:
            return Replicas(0, 0)
        return Replicas(deployment["spec"]["replicas"], deployment["status"].get("readyReplicas", 0))

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Client]:
        """Forwards a port to the API while the body runs."""
        async with (
            self.kube.forward(f"{self.name}-api", API_PORT, self.namespace) as url,
            Client(url) as client,
        ):
            yield client
