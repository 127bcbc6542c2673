"""What dashboards are written in, and how Grafana's SDK makes JSON of it.

In a query `$own` stands for the labels of the pipelines that are chosen above the panels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

OWN = 'namespace=~"$namespace",pipeline=~"$pipeline"'
TAG = "ragpipeline"
HEIGHT = 7

_DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="$datasource")

Builder = timeseries.Panel | stat.Panel | statetimeline.Panel
_KINDS: dict[str, type[timeseries.Panel] | type[stat.Panel] | type[statetimeline.Panel]] = {
    "lines": timeseries.Panel,
    "number": stat.Panel,
    "states": statetimeline.Panel,
}


@dataclass(frozen=True)
class Panel:
    """One panel: what it means for a reader, and its queries by what their series are called."""

    title: str
    meaning: str
    queries: Mapping[str, str]
    unit: str = "short"
    kind: Literal["lines", "number", "states"] = "lines"
    width: int = 8


@dataclass(frozen=True)
class Dashboard:
    """One dashboard: its panels by the row that they stand in."""

    name: str
    title: str
    meaning: str
    rows: Mapping[str, Sequence[Panel]]
    # Whether it is about one pipeline, or about all that are chosen.
    single: bool = False


def encode(dashboard: Dashboard) -> str:
    """Return a dashboard as Grafana reads it."""
    made = (
        build.Dashboard(dashboard.title)
        .uid(f"{TAG}-{dashboard.name}")
        .description(dashboard.meaning)
        .tags([TAG])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(_others())
        .with_variable(build.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_variable("namespace", "ragpipeline_condition", dashboard.single))
        .with_variable(
            _variable("pipeline", 'ragpipeline_condition{namespace=~"$namespace"}', dashboard.single)
        )
    )
    for title, panels in dashboard.rows.items():
        made.with_row(build.Row(title))
        for panel in panels:
            made.with_panel(_panel(panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _variable(label: str, series: str, single: bool) -> build.QueryVariable:
    """Return a choice among the values of a label."""
    return (
        build.QueryVariable(label)
        .label(label.capitalize())
        .datasource(_DATASOURCE)
        .query(f"label_values({series}, {label})")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(not single)
        .include_all(not single)
    )


def _others() -> build.DashboardLink:
    """Return links to the other dashboards, which keep what is chosen."""
    return (
        build.DashboardLink("RagPipelines")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(True)
        .include_vars(True)
    )


def _panel(panel: Panel) -> Builder:
    made = (
        _KINDS[panel.kind]()
        .title(panel.title)
        .description(panel.meaning)
        .datasource(_DATASOURCE)
        .unit(panel.unit)
        .span(panel.width)
        .height(HEIGHT)
        .min(0)
    )
    if panel.kind == "states":
        made.thresholds(_one_is_well()).color_scheme(
            build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS)
        )
    for number, (legend, expr) in enumerate(panel.queries.items()):
        query = prometheus.Dataquery().ref_id(chr(ord("A") + number)).legend_format(legend)
        made.with_target(query.expr(expr.replace("$own", OWN)).range())
    return made


def _one_is_well() -> build.ThresholdsConfig:
    steps = [model.Threshold(color="red"), model.Threshold(color="green", value=1)]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)
