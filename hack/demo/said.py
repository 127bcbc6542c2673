"""What metrics and alerts said of the demo's own run."""

import time
from collections.abc import Iterable, Iterator

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from rich.console import Console

from rag_contract.endpoints import API_PORT

from .install import OPERATOR, OPERATOR_NAMESPACE
from .kube import Kube
from .pipeline import Pipeline
from .prometheus import absence, prometheus

OPERATOR_PORT = 9090


async def show(pipeline: Pipeline, seconds: float, console: Console) -> None:
    """Prints it, of so many seconds until now; what is counted is counted since its pod has started."""
    kube = pipeline.kube
    api = await _samples(kube, f"{pipeline.name}-api", API_PORT, pipeline.namespace)
    operator = await _samples(kube, f"{OPERATOR}-metrics", OPERATOR_PORT, OPERATOR_NAMESPACE)
    for line in (*of_the_api(api), *of_the_operator(operator)):
        console.print(f"  {line}")
    if why := await absence(kube):
        console.print(f"  no alert was looked at: {why}")
    else:
        console.print(f"  {await _alerts(pipeline, seconds)}")


def of_the_api(samples: Iterable[Sample]) -> Iterator[str]:
    """Yields what an API pod tells of documents, queues and questions."""
    told = list(samples)
    yield (
        f"{_total(told, 'library_documents', state='completed'):.0f} documents stored,"
        f" {_total(told, 'library_documents', state='failed'):.0f} failed;"
        f" {_total(told, 'queue_entries', state='waiting'):.0f} jobs wait"
    )
    yield (
        f"{_total(told, 'questions_total', status='success'):.0f} questions answered,"
        f" {_total(told, 'questions_total', status='error'):.0f} failed;"
        f" on average {_mean(told, 'question_citations'):.1f} citations,"
        f" {_mean(told, 'question_stage_seconds', stage='retrieval'):.2f} s to find the passages and"
        f" {_mean(told, 'question_stage_seconds', stage='generation'):.1f} s to write"
    )


def of_the_operator(samples: Iterable[Sample]) -> Iterator[str]:
    """Yields what the operator tells of its passes and of conditions."""
    told = list(samples)
    conditions = [sample.value for sample in told if sample.name == "ragpipeline_condition"]
    yield (
        f"{_total(told, 'ragpipeline_operator_reconciles_total'):.0f} passes of the operator,"
        f" {_mean(told, 'ragpipeline_operator_reconcile_duration_seconds') * 1000:.0f} ms on average;"
        f" {sum(conditions):.0f} of {len(conditions)} conditions are True"
    )


async def _samples(kube: Kube, service: str, port: int, namespace: str) -> list[Sample]:
    async with kube.forward(service, port, namespace) as url, httpx.AsyncClient(base_url=url) as http:
        response = (await http.get("/metrics")).raise_for_status()
    return [sample for family in text_string_to_metric_families(response.text) for sample in family.samples]


async def _alerts(pipeline: Pipeline, seconds: float) -> str:
    """Returns which of the pipeline's alerts Prometheus looks at, and which of them fired."""
    own = {"namespace": pipeline.namespace, "pipeline": pipeline.name}
    labels = ",".join(f'{label}="{value}"' for label, value in own.items())
    async with prometheus(pipeline.kube) as found:
        now = time.time()
        fired = await found.query_range(f'ALERTS{{{labels},alertstate="firing"}}', now - seconds, now)
        count = len(await found.alerts(**own))
    names = sorted({series["metric"]["alertname"] for series in fired})
    return f"{count} alerts watched the run; {', '.join(names) or 'none'} fired"


def _total(samples: Iterable[Sample], name: str, **labels: str) -> float:
    return sum(
        sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()
    )


def _mean(samples: Iterable[Sample], histogram: str, **labels: str) -> float:
    count = _total(samples, f"{histogram}_count", **labels)
    return _total(samples, f"{histogram}_sum", **labels) / count if count else 0
