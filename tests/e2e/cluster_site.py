"""A pipeline on a cluster whose parts can be harmed: a `Site` of tests.durability.

Its Redis is external, and behind a proxy that loses replies; both are pods of this test. Qdrant is managed.
"""

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from signal import Signals
from typing import Any

import yaml
from demo.install import OPERATOR, OPERATOR_NAMESPACE, create_namespace
from demo.kube import Kube
from demo.paths import IMAGE_VALUES, QUICKSTART
from demo.pipeline import Pipeline
from demo.steps import Steps
from redis.asyncio import Redis

from rag_contract.names import pipeline_id
from tests.durability.stores import Stores
from tests.e2e.killing import Killer
from tests.e2e.vectors import vectors_of
from tests.integration import cutting_proxy
from tests.patience import until

NAME, NAMESPACE = "durability", "ragpipeline-e2e-durability"
REDIS, PROXY, PORT = "test-redis", "test-redis-proxy", 6379
# The proxy loses replies after one of these signals, and none after the other.
CUT, MEND = Signals.SIGUSR1, Signals.SIGUSR2
CUT_EVERY = 50
PROXY_SCRIPT = f"""
import asyncio, signal
from cutting_proxy import CuttingProxy

async def main():
    async with CuttingProxy("redis://{REDIS}:{PORT}/0", "0.0.0.0", {PORT}) as proxy:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler({int(CUT)}, lambda: proxy.start(cut_every={CUT_EVERY}))
        loop.add_signal_handler({int(MEND)}, proxy.start)
        await asyncio.Event().wait()

asyncio.run(main())
"""
# As tests.durability.stores.digests, in a pod that has the files.
DIGESTS = """
import hashlib, json, os, pathlib
folder = pathlib.Path(os.environ["STORAGE_URL"].removeprefix("file://"))
files = [path for path in folder.rglob("*") if path.is_file()]
print(json.dumps({str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}))
"""


@dataclass(frozen=True)
class ClusterSite:
    """The pipeline; whatever is killed, its kubelet starts again."""

    pipeline: Pipeline
    killer: Killer

    async def kill(self, component: str, chance: random.Random) -> None:
        """Kills one of a component's containers."""
        if running := await self.killer.running(component):
            await self.killer.send_to(Signals.SIGKILL, [chance.choice(sorted(running))])

    async def restart(self, store: str) -> None:
        """Kills a store's container."""
        if store == "redis":
            await self._signal(Signals.SIGKILL, REDIS)
        else:
            await self.killer.send(Signals.SIGKILL, store)

    async def qdrant_away(self, seconds: float) -> None:
        """Takes Qdrant's pod away, and the operator first, which would bring it back."""
        operator = (OPERATOR_NAMESPACE, "deployment", OPERATOR)
        qdrant = (NAMESPACE, "statefulset", f"{NAME}-qdrant")
        await self._scale(0, *operator)
        await self._scale(0, *qdrant)
        await asyncio.sleep(seconds)
        await self._scale(1, *qdrant)
        await self._scale(1, *operator)

    async def cut_replies(self, every: int | None) -> None:
        """Loses one of CUT_EVERY replies of Redis, or none."""
        assert every in (CUT_EVERY, None)
        await self._signal(CUT if every else MEND, PROXY)

    @asynccontextmanager
    async def stores(self) -> AsyncIterator[Stores]:
        """Opens the three stores, past the pipeline."""
        kube = self.pipeline.kube
        async with (
            kube.forward(REDIS, PORT, NAMESPACE) as url,
            Redis.from_url(url.replace("http:", "redis:")) as redis,
            vectors_of(self.pipeline) as vectors,
        ):
            pipeline = pipeline_id(NAMESPACE, NAME)
            yield Stores(redis, vectors.client, pipeline, vectors.collection, self._files)

    async def _files(self) -> dict[str, str]:
        where = ("-n", NAMESPACE, f"deployment/{NAME}-api", "--", "python", "-c", DIGESTS)
        files: dict[str, str] = json.loads(await self.pipeline.kube.kubectl("exec", *where))
        return files

    async def _scale(self, replicas: int, namespace: str, kind: str, name: str) -> None:
        kube = self.pipeline.kube
        await kube.kubectl("scale", "-n", namespace, kind, name, f"--replicas={replicas}")

        async def scaled() -> bool:
            found = await kube.get(kind, name, namespace)
            return found is not None and found["status"].get("readyReplicas", 0) == replicas

        await until(scaled, pause=0.5)

    async def _signal(self, signal: Signals, pod: str) -> None:
        found = await self.pipeline.kube.get("pod", pod, NAMESPACE)
        assert found
        await self.killer.send_to(
            signal, [each["containerID"] for each in found["status"]["containerStatuses"]]
        )


@asynccontextmanager
async def cluster_site(kube: Kube, killer: Killer, steps: Steps) -> AsyncIterator[ClusterSite]:
    """Runs the pipeline, and its Redis and proxy, in a namespace of its own while the body runs."""
    site = ClusterSite(Pipeline(kube, NAME, NAMESPACE), replace(killer, namespace=NAMESPACE, pipeline=NAME))
    await create_namespace(kube, NAMESPACE)
    try:
        with steps.step("A pipeline behind a proxy that loses replies, until Ready") as step:
            manifests = json.dumps(
                {"apiVersion": "v1", "kind": "List", "items": [*_redis(), *_proxy(), _pipeline()]}
            )
            await kube.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=manifests)
            await site.pipeline.wait_ready(step)
        yield site
    finally:
        await kube.kubectl("delete", "namespace", NAMESPACE)


def _pipeline() -> dict[str, Any]:
    """Two of what is killed, no language model, Redis behind the proxy."""
    resource: dict[str, Any] = yaml.safe_load(QUICKSTART.read_text())
    spec = resource["spec"]
    del spec["llm"]
    del spec["embedding"]["managed"]["autoscaling"]
    spec["embedding"]["managed"]["replicas"] = spec["workers"]["replicas"] = 2
    spec["queue"] = {"external": {"urlSecretRef": {"name": PROXY, "key": "url"}}}
    spec["vectorStore"]["collection"] = NAME
    spec["ingestion"] = {"retryDelaySeconds": 5}
    return {**resource, "metadata": {"name": NAME}}


def _redis() -> list[dict[str, Any]]:
    command = [
        "redis-server",
        "--port",
        str(PORT),
        "--dir",
        "/data",
        "--appendonly",
        "yes",
        "--protected-mode",
        "no",
    ]
    return _pod(REDIS, _image("redis"), command, "/data", {"emptyDir": {}})


def _proxy() -> list[dict[str, Any]]:
    files = {"cutting_proxy.py": Path(cutting_proxy.__file__).read_text(), "main.py": PROXY_SCRIPT}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PROXY}, "data": files}
    url = base64.b64encode(f"redis://{PROXY}:{PORT}/0".encode()).decode()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": PROXY}, "data": {"url": url}}
    command = ["python", "/proxy/main.py"]
    return [
        config,
        secret,
        *_pod(PROXY, _image("embedding"), command, "/proxy", {"configMap": {"name": PROXY}}),
    ]


def _pod(
    name: str, image: str, command: list[str], path: str, volume: dict[str, Any]
) -> list[dict[str, Any]]:
    """A pod with one volume, and a Service of the same name before it."""
    container = {
        "name": name,
        "image": image,
        "command": command,
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 2},
        "volumeMounts": [{"name": "volume", "mountPath": path}],
    }
    metadata = {"name": name, "labels": {"app": name}}
    pod = {"containers": [container], "volumes": [{"name": "volume", **volume}]}
    service = {"selector": {"app": name}, "ports": [{"port": PORT}]}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": service},
    ]


def _image(name: str) -> str:
    return str(json.loads(IMAGE_VALUES.read_text())["images"][name])
