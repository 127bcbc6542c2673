"""Spans: where they stand, what they say, and that there are none without a collector."""

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.unit.pipelines import MANAGED_LLM, children, env_of, pipeline, reindexing, site

from rag_operator.children.tracing import tracing_env
from rag_operator.names import Component
from rag_operator.resolution import references
from rag_workloads import tracing
from rag_workloads.jobs.queue import pack, unpack

COLLECTOR = "http://collector.observability:4318"
HEADERS = {"name": "collector", "key": "headers"}
UNSAMPLED = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What is told, as if a collector were named."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("tests"))
    return exporter


def test_without_a_collector_there_is_nothing() -> None:
    with tracing.step("outer") as outer, tracing.job("job", "queue", "id", {}) as job:
        assert outer is job is trace.INVALID_SPAN
        assert tracing.carried() == {}
        assert tracing.trace_id() is None
        assert unpack(pack({"f": "job"})) == {"f": "job"}


def test_steps_stand_below_each_other(spans: InMemorySpanExporter) -> None:
    with tracing.step("outer"):
        with tracing.apart("apart") as apart, tracing.step("beside"):
            pass
        with tracing.current(apart), tracing.step("below"):
            tracing.note({"more": 1})
    told = {span.name: span for span in spans.get_finished_spans()}
    parents = {name: span.parent and span.parent.span_id for name, span in told.items()}
    ids = {name: span.context.span_id for name, span in told.items() if span.context}
    assert parents == {"outer": None, "apart": ids["outer"], "beside": ids["outer"], "below": ids["apart"]}
    assert told["below"].attributes == {"more": 1}


def test_a_job_is_in_the_trace_of_who_queued_it(spans: InMemorySpanExporter) -> None:
    with tracing.step("queues") as queues:
        payload = pack({"f": "job"})
    with tracing.job("job", "queue", "id", unpack(payload)) as job:
        assert tracing.trace_id() == trace.format_trace_id(queues.get_span_context().trace_id)
        assert job.get_span_context().trace_id == queues.get_span_context().trace_id
    assert [span.name for span in spans.get_finished_spans()] == ["queues", "job queue"]


async def test_a_request_carries_the_span(spans: InMemorySpanExporter) -> None:
    request = httpx.Request("GET", "http://llm")
    with tracing.step("asks") as asks:
        await tracing.carry(request)
    context = asks.get_span_context()
    ids = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
    assert tuple(request.headers["traceparent"].split("-")[1:3]) == ids
    assert len(spans.get_finished_spans()) == 1


def test_of_an_error_only_its_kind_is_told(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="secret words"), tracing.step("fails"):
        raise ValueError("secret words")
    (span,) = spans.get_finished_spans()
    assert span.attributes == {"error.type": "ValueError"}
    assert not span.status.is_ok
    assert "secret" not in span.to_json()


def test_what_its_caller_does_not_keep_is_not_kept(spans: InMemorySpanExporter) -> None:
    with tracing.job("job", "queue", "id", UNSAMPLED), tracing.step("below"):
        assert tracing.carried()["traceparent"].endswith("-00")
    assert spans.get_finished_spans() == ()


def test_a_process_is_told_of_its_collector() -> None:
    told = {"otlpEndpoint": COLLECTOR, "sampleRatio": 0.25, "headersSecretRef": HEADERS}
    made = children(monitoring={"tracing": told}, llm=MANAGED_LLM)
    for name in ("api", "worker", "embedding", "llm"):
        variables = env_of(made["Deployment", f"demo-{name}"])
        assert variables["OTEL_SERVICE_NAME"] == f"demo-{name}"
        assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == COLLECTOR
        assert variables["OTEL_TRACES_SAMPLER_ARG"] == "0.25"
        assert variables["OTEL_EXPORTER_OTLP_HEADERS"] == {"secretKeyRef": HEADERS}
    assert HEADERS["name"] in {each.name for each in references(pipeline(monitoring={"tracing": told}))}


def test_the_second_index_has_a_name_of_its_own() -> None:
    told = {"tracing": {"otlpEndpoint": COLLECTOR}}
    made = children(monitoring=told, indexes=reindexing(pipeline(monitoring=told)))
    assert env_of(made["Deployment", "demo-worker-b"])["OTEL_SERVICE_NAME"] == "demo-worker-b"
    assert env_of(made["Deployment", "demo-embedding-b"])["OTEL_SERVICE_NAME"] == "demo-embedding-b"


def test_nobody_is_told_without_one() -> None:
    assert tracing_env(site(), Component.API) == []
