"""Writes docs/metrics.md, the tables of all metrics, from the modules that make them."""

from collections.abc import Iterator
from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase
from reference import ROOT

import rag_operator.metrics
import rag_workloads.api.measures
import rag_workloads.jobs.metrics
import rag_workloads.web.metrics

PAGE = ROOT / "docs/metrics.md"
HEAD = """# Metrics

Every process of a pipeline, and the operator, serves these at `/metrics`; `make reference` writes this page.

- A PodMonitor adds the labels `namespace`, `pipeline`, `component` and `pod`.
- Those of a managed llama.cpp (`llamacpp:…`) are told by the pods of the language model service.
- Those of a managed Qdrant are scraped by a PodMonitor of its own, which has Qdrant's key. Annotations cannot
  tell a key, so that they do not ask for them.
"""
TABLE = ["| name | type | labels | meaning |", "|---|---|---|---|"]
SECTIONS: dict[str, ModuleType] = {
    "Each process for itself: take the sum": rag_workloads.web.metrics,
    "Each consumer of a queue for itself: take the sum": rag_workloads.jobs.metrics,
    "Each API pod for the whole pipeline: take the max": rag_workloads.api.measures,
    "The operator": rag_operator.metrics,
}


def rows(module: ModuleType) -> Iterator[str]:
    """Yields a row for each metric of a module, in its order."""
    for metric in vars(module).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            yield f"| `{name}` | {family.type} | {labels} | {family.documentation} |"


def page() -> str:
    """Returns docs/metrics.md."""
    sections = [
        "\n".join([f"## {title}", "", *TABLE, *rows(module), ""]) for title, module in SECTIONS.items()
    ]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    PAGE.write_text(page())
