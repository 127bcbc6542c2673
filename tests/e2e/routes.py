"""A pipeline with keys and three embedding pods, exposed by Contour and Envoy, and what it is asked."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import yaml
from demo.install import create_namespace
from demo.kube import Kube
from demo.paths import QUICKSTART
from demo.pipeline import Pipeline
from demo.shell import run
from demo.steps import Steps
from demo.target import CLUSTER
from prometheus_client.parser import text_string_to_metric_families

from rag_contract.endpoints import EMBEDDING_PATH, EMBEDDING_PORT
from tests.patience import PATIENCE_SECONDS

NAME, NAMESPACE = "routes", "ragpipeline-e2e-routes"
# What this machine finds by itself, so that clients send it as they would any other.
HOST = "localhost"
INGRESS: dict[str, Any] = {"ingress": {"className": "contour", "host": HOST}}
GATEWAY: dict[str, Any] = {
    "gateway": {"name": "contour", "namespace": "contour", "sectionName": "http", "hostnames": [HOST]}
}
EMBEDDING_PODS = 3
EMBED = f"{EMBEDDING_PATH}/embed"
REQUESTS, AT_ONCE = 300, 6


@dataclass(frozen=True)
class Exposed:
    """The pipeline; `url` is Envoy's, `key` may do all, `loader` only take in documents."""

    pipeline: Pipeline
    url: str
    key: str
    loader: str

    async def expose(self, expose: dict[str, Any], steps: Steps) -> None:
        """Expose it by an Ingress or a Gateway, in place of how it was."""
        with steps.step(f"Expose the pipeline by {next(iter(expose))}, until Ready") as step:
            await self.pipeline.patch({"expose": {"ingress": None, "gateway": None, **expose}}, step)

    @asynccontextmanager
    async def client(self, key: str = "") -> AsyncIterator[httpx.AsyncClient]:
        """Open a client of what is behind Envoy."""
        headers = {"X-API-Key": key} if key else {}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS) as client:
            yield client

    async def largest_share_over_smallest(self) -> float:
        """Ask for many vectors, several at once; compare what the embedding pods have counted of it."""
        before = await self._embedded()
        async with self.client(self.key) as client:
            await asyncio.gather(*(_embed(client, REQUESTS // AT_ONCE) for _ in range(AT_ONCE)))
        after = await self._embedded()
        shares = [after[pod] - before[pod] for pod in before]
        assert len(shares) == EMBEDDING_PODS
        assert sum(shares) == REQUESTS
        return max(shares) / min(shares)

    async def _embedded(self) -> dict[str, float]:
        """How many requests from outside each embedding pod has answered, by its own counter."""
        selector = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component=embedding"
        pods = [pod["metadata"]["name"] for pod in await self.pipeline.kube.list("pods", NAMESPACE, selector)]
        return {pod: _requests(await self._metrics(pod)) for pod in pods}

    async def _metrics(self, pod: str) -> str:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:{EMBEDDING_PORT}/proxy/metrics"
        return await self.pipeline.kube.kubectl("get", "--raw", path)


async def _embed(client: httpx.AsyncClient, times: int) -> None:
    for _ in range(times):
        (await client.post(EMBED, json={"text": "A package must have a maintainer."})).raise_for_status()


def _requests(metrics: str) -> float:
    wanted = {"endpoint": EMBED, "status": "200"}
    return sum(
        sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "http_requests_total" and wanted.items() <= sample.labels.items()
    )


@asynccontextmanager
async def exposed(kube: Kube, steps: Steps) -> AsyncIterator[Exposed]:
    """Run the pipeline in a namespace of its own, and Contour and Envoy, while the body runs."""
    pipeline, keys = (
        Pipeline(kube, NAME, NAMESPACE),
        {each: secrets.token_hex(16) for each in ("all", "loader")},
    )
    try:
        with steps.step("Compile and start Contour, and Envoy") as step:
            *_, url = (await run(CLUSTER, "contour", "up", show=step.say)).split()
        await create_namespace(kube, NAMESPACE)
        with steps.step("A pipeline that is exposed by an Ingress, until Ready") as step:
            items = json.dumps({"apiVersion": "v1", "kind": "List", "items": [_secret(keys), _resource()]})
            await kube.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=items)
            await pipeline.wait_ready(step)
            await pipeline.patch({}, step)
        yield Exposed(pipeline, url.replace("127.0.0.1", HOST), keys["all"], keys["loader"])
    finally:
        await kube.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
        await run(CLUSTER, "contour", "down")


def _secret(keys: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": keys}


def _resource() -> dict[str, Any]:
    resource: dict[str, Any] = yaml.safe_load(QUICKSTART.read_text())
    spec = resource["spec"]
    del spec["embedding"]["managed"]["autoscaling"]
    spec["embedding"]["managed"]["replicas"] = EMBEDDING_PODS
    spec["embedding"]["managed"]["resources"]["requests"]["cpu"] = "50m"
    spec["vectorStore"]["collection"] = NAME
    loader = {"name": "loader", "scopes": ["ingest"], "secretKeyRef": {"name": "keys", "key": "loader"}}
    spec["api"]["auth"] = {"apiKeySecretRef": {"name": "keys", "key": "all"}, "keys": [loader]}
    spec["expose"] = INGRESS
    return {**resource, "metadata": {"name": NAME}}


async def measure(kube: Kube, steps: Steps) -> dict[str, float]:
    """Return the figures of the routes, each the worse one of both ways in."""
    async with exposed(kube, steps) as site:
        ratios = []
        for expose in (INGRESS, GATEWAY):
            await site.expose(expose, steps)
            ratios.append(await site.largest_share_over_smallest())
    return {"largest_share_over_smallest": round(max(ratios), 2)}
