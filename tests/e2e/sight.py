"""A pipeline on a cluster with a real Prometheus: what is scraped, what panels show, which alerts fire."""

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import httpx
from demo import corpus, spike
from demo.install import OPERATOR_NAMESPACE
from demo.paths import OPERATOR_CHART
from demo.pipeline import Pipeline
from demo.prometheus import Prometheus, prometheus
from demo.questions import ask_all
from demo.steps import Steps

from rag_contract.endpoints import API_PORT
from rag_operator.children.alerts import PREFIX
from tests.patience import until

# A name in front of its labels or its window.
METRIC = re.compile(r"\b([a-z]\w+)(?=[{\[])")
# The windows of the alerts are as long as a person waits; two minutes hold four scrapes.
WINDOW = re.compile(r"\[\d+[mh]\]")
SHORT_WINDOW = "[2m]"
SHORTENED = "sight-shortened"
PAUSE_SECONDS = 2
COMPONENTS = {"api", "worker", "embedding", "llm", "operator"}
DOCUMENTS = 6


@dataclass(frozen=True)
class Panel:
    """A panel of one of the chart's dashboards, with its queries."""

    dashboard: str
    title: str
    queries: tuple[str, ...]


@dataclass(frozen=True)
class Sight:
    """A pipeline and the Prometheus that watches it since a moment."""

    pipeline: Pipeline
    prometheus: Prometheus
    since: float = field(default_factory=time.time)

    @property
    def own(self) -> str:
        """The labels of all that is told of the pipeline."""
        return f'namespace="{self.pipeline.namespace}",pipeline="{self.pipeline.name}"'

    async def without_data(self) -> list[Panel]:
        """Returns the panels of which some query has had no number since the beginning."""
        return [panel for panel in panels() if not await self._has_data(panel)]

    async def unscraped(self) -> set[str]:
        """Returns the metrics that a rule or a panel names, and of which there is no series."""
        expressions = [each["expr"] for each in await self.rules()]
        for panel in panels():
            expressions += panel.queries
        named = {name for expression in expressions for name in METRIC.findall(expression)}
        return {name for name in named if not await self.prometheus.query(f"last_over_time({name}[1h])")}

    async def rules(self) -> list[dict[str, Any]]:
        """Returns the rules that the operator made."""
        name = f"{self.pipeline.name}-monitoring"
        made = await self.pipeline.kube.get("prometheusrule", name, self.pipeline.namespace)
        rules: list[dict[str, Any]] = made["spec"]["groups"][0]["rules"] if made else []
        return rules

    async def sees(self, components: set[str]) -> bool:
        """Whether it has lately read what these parts tell: of the pipeline, or the operator itself."""
        up = await self.prometheus.query(f'up{{{self.own}}} == 1 or up{{container="operator"}} == 1')
        return components <= {series["metric"].get("component", "operator") for series in up}

    async def firing(self) -> set[str]:
        """Returns the alerts of the shortened rules that fire now."""
        found = await self.prometheus.query(
            f'ALERTS{{{self.own},alertstate="firing",patience="{SHORTENED}"}}'
        )
        return {series["metric"]["alertname"].removeprefix(PREFIX) for series in found}

    async def fire_and_clear(self, broken: AbstractAsyncContextManager[None], alerts: set[str]) -> None:
        """Breaks something until all of these alerts fire, and mends it until none does."""

        async def all_fire() -> bool:
            return alerts <= await self.firing()

        async def none_fires() -> bool:
            return not alerts & await self.firing()

        assert await none_fires()

        async with broken:
            await until(all_fire, PAUSE_SECONDS)
        await until(none_fires, PAUSE_SECONDS)

    async def scraped_again(self) -> None:
        """Waits until all that is told of the pipeline and of the operator was read after this moment."""
        own, operator = f"timestamp(up{{{self.own}}})", f'timestamp(up{{namespace="{OPERATOR_NAMESPACE}"}})'
        newer = f"min({own} or {operator}) > {time.time()}"
        await until(lambda: self.prometheus.query(newer), PAUSE_SECONDS)

    async def _has_data(self, panel: Panel) -> bool:
        for query in panel.queries:
            expr = Template(query).substitute(
                namespace=self.pipeline.namespace, pipeline=self.pipeline.name, __rate_interval="2m"
            )
            series = await self.prometheus.query_range(expr, self.since, time.time())
            if not any(value != "NaN" for each in series for _, value in each["values"]):
                return False
        return True


def panels() -> Iterator[Panel]:
    """Yields the panels of the dashboards that the chart carries."""
    for path in sorted((OPERATOR_CHART / "dashboards").iterdir()):
        for panel in json.loads(path.read_text())["panels"]:
            if queries := tuple(target["expr"] for target in panel.get("targets", [])):
                yield Panel(path.stem, panel["title"], queries)


@asynccontextmanager
async def watched(pipeline: Pipeline, steps: Steps) -> AsyncIterator[Sight]:
    """Looks at a pipeline through the Prometheus there; its alerts fire sooner than by their rules."""
    async with prometheus(pipeline.kube) as found:
        sight = Sight(pipeline, found)
        with steps.step("Wait until all pods are scraped"):
            await until(sight.rules, PAUSE_SECONDS)
            await _shorten(sight)
            await until(lambda: sight.sees(COMPONENTS), PAUSE_SECONDS)
        yield sight
    where = ("--namespace", pipeline.namespace)
    await pipeline.kube.kubectl("delete", "prometheusrule", SHORTENED, *where)


async def load(sight: Sight, manual: Path, steps: Steps) -> None:
    """Uploads documents, asks questions and has the stores compared, between two looks of Prometheus."""
    await sight.scraped_again()
    files = await corpus.parts(manual, spike.PARTS)
    async with sight.pipeline.api() as client:
        with steps.step("Upload documents, and ask"):
            tasks = [(await client.upload(path, path.stem)).task_id for path in files[:DOCUMENTS]]
            await ask_all(client, steps.console)
            await _compare_stores(sight.pipeline)
            for task in tasks:
                async for status in client.follow(task):
                    last = status
                assert last.status == "completed"
        await sight.scraped_again()
        for path in files[:DOCUMENTS]:
            await client.delete(path.stem)


async def _compare_stores(pipeline: Pipeline) -> None:
    forwarded = pipeline.kube.forward(f"{pipeline.name}-api", API_PORT, pipeline.namespace)
    async with forwarded as url, httpx.AsyncClient(base_url=url) as http:
        (await http.post("/api/v1/sweep")).raise_for_status()


async def _shorten(sight: Sight) -> None:
    """Applies a copy of the operator's own rules, whose expressions stand but for the length of windows."""
    rules = [
        {
            **each,
            "expr": WINDOW.sub(SHORT_WINDOW, each["expr"]),
            "for": "0s",
            "labels": {**each["labels"], "patience": SHORTENED},
        }
        for each in await sight.rules()
    ]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": SHORTENED, "namespace": sight.pipeline.namespace},
        "spec": {"groups": [{"name": SHORTENED, "rules": rules}]},
    }
    await sight.pipeline.kube.kubectl("apply", "--filename", "-", stdin=json.dumps(manifest))
