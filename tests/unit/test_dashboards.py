"""The dashboards that the chart carries: what the code makes, by the types of Grafana's SDK."""

import json
import re
from typing import Any

import pytest
from dashboards.__main__ import DASHBOARDS, FOLDER
from dashboards.panels import Dashboard, encode
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard as Model
from prometheus_client import REGISTRY

import rag_operator.metrics
import rag_workloads.api.measures
import rag_workloads.jobs.metrics
import rag_workloads.web.metrics

# Whoever imports them has their metrics in the registry.
OURS = (
    rag_operator.metrics,
    rag_workloads.api.measures,
    rag_workloads.jobs.metrics,
    rag_workloads.web.metrics,
)
OF_OTHERS = re.compile(r"ALERTS|kubelet_volume_stats_\w+|process_\w+")

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)


def read(dashboard: Dashboard) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{dashboard.name}.json").read_text())
    return found


def queries(dashboard: Dashboard) -> list[str]:
    return [target["expr"] for panel in read(dashboard)["panels"] for target in panel.get("targets", [])]


def test_the_chart_has_these_dashboards_and_no_other() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {dashboard.name for dashboard in DASHBOARDS}


@each_dashboard
def test_the_file_is_what_the_code_makes(dashboard: Dashboard) -> None:
    assert (FOLDER / f"{dashboard.name}.json").read_text() == encode(dashboard), "run `make dashboards`"


@each_dashboard
def test_the_types_of_the_sdk_know_all_of_it(dashboard: Dashboard) -> None:
    read_by_types = JSONEncoder().encode(Model.from_json(read(dashboard)))
    assert json.loads(read_by_types) == read(dashboard)


@each_dashboard
def test_what_is_chosen_stands_above_the_panels(dashboard: Dashboard) -> None:
    variables = [each["name"] for each in read(dashboard)["templating"]["list"]]
    assert variables == ["datasource", "namespace", "pipeline"]


@each_dashboard
def test_each_panel_says_what_it_means_and_asks_something(dashboard: Dashboard) -> None:
    panels = [panel for panel in read(dashboard)["panels"] if panel["type"] != "row"]
    assert panels
    for panel in panels:
        assert panel["description"].endswith(".")
        assert panel["targets"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "$datasource"}


@each_dashboard
def test_panels_ask_for_metrics_that_exist(dashboard: Dashboard) -> None:
    assert OURS
    known = {
        family.name + suffix
        for family in REGISTRY.collect()
        for suffix in ("", "_total", "_bucket", "_sum", "_count")
    }
    asked = {name for query in queries(dashboard) for name in re.findall(r"(\w+)[{\[]", query)}
    assert asked
    assert {name for name in asked if not OF_OTHERS.fullmatch(name)} <= known
