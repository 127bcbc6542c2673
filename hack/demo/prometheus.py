"""The Prometheus that the demo brings, or that a cluster has under the same name, asked by its own API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from .kube import Kube

NAMESPACE, SERVICE, PORT = "monitoring", "prometheus-operated", 9090
STEP_SECONDS = 5

Series = dict[str, Any]


@dataclass(frozen=True)
class Prometheus:
    """What it knows, by its query language."""

    http: httpx.AsyncClient

    async def query(self, expr: str) -> list[Series]:
        """Returns the series of an expression now; of each the labels (`metric`) and the `value`."""
        return await self._ask("query", query=expr)

    async def query_range(self, expr: str, start: float, end: float) -> list[Series]:
        """Returns the series of an expression between two times; of each the labels and the `values`."""
        return await self._ask("query_range", query=expr, start=start, end=end, step=STEP_SECONDS)

    async def alerts(self, **labels: str) -> list[str]:
        """Returns the names of the alerts that it looks at, of rules with these labels."""
        response = (await self.http.get("/api/v1/rules", params={"type": "alert"})).raise_for_status()
        rules = [rule for group in response.json()["data"]["groups"] for rule in group["rules"]]
        return [rule["name"] for rule in rules if labels.items() <= rule["labels"].items()]

    async def _ask(self, what: str, **parameters: str | float) -> list[Series]:
        # In the body: a query may be longer than a URL.
        response = await self.http.post(f"/api/v1/{what}", data=parameters)
        response.raise_for_status()
        series: list[Series] = response.json()["data"]["result"]
        return series


async def absence(kube: Kube) -> str:
    """Returns why there is none to ask; empty where there is."""
    if not await kube.serves("monitoring.coreos.com"):
        return "the cluster does not serve monitoring.coreos.com"
    if not await kube.get("service", SERVICE, NAMESPACE):
        return f"there is no service {SERVICE} in the namespace {NAMESPACE}"
    return ""


@asynccontextmanager
async def prometheus(kube: Kube) -> AsyncIterator[Prometheus]:
    """Forwards a port to it while the body runs."""
    async with (
        kube.forward(SERVICE, PORT, NAMESPACE) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as http,
    ):
        yield Prometheus(http)
