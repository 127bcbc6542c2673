"""Spans of what is done, in the trace of who asked for it, for a collector that the environment names.

FastAPI exports them, as OpenTelemetry's own variables say, and makes those of requests (`web.service`). Where
none is named, no SDK is loaded and all of this does nothing. What a document, a question or an answer says is
in no span, so that of an error only the kind is told: its message may quote.
"""

import contextlib
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, ProxyTracerProvider, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Span = trace.Span
Attributes = dict[str, str | int | float]

_tracer = trace.get_tracer("ragpipeline")
_w3c = TraceContextTextMapPropagator()


class HasHeaders(Protocol):
    """A request, of whichever client."""

    @property
    def headers(self) -> MutableMapping[str, str]:
        """What it is sent with."""


def enabled() -> bool:
    """Whether spans go anywhere."""
    return not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


@contextlib.contextmanager
def apart(
    name: str,
    attributes: Attributes | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: Context | None = None,
) -> Iterator[Span]:
    """A span that is not the current one, which is its parent unless another is given.

    It may last as long as a generator, whose steps run in several contexts.
    """
    if not enabled():
        yield INVALID_SPAN
        return
    span = _tracer.start_span(name, parent, kind, attributes)
    try:
        yield span
    except Exception as error:
        span.set_attribute("error.type", type(error.__cause__ or error).__qualname__)
        span.set_status(StatusCode.ERROR)
        raise
    finally:
        span.end()


def current(span: Span) -> AbstractContextManager[object]:
    """Make a span the parent of those that begin in a block."""
    if span is INVALID_SPAN:
        return contextlib.nullcontext()
    return trace.use_span(span, record_exception=False, set_status_on_exception=False)


@contextlib.contextmanager
def step(
    name: str,
    attributes: Attributes | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: Context | None = None,
) -> Iterator[Span]:
    """A span that is the current one in a block."""
    with apart(name, attributes, kind, parent) as span, current(span):
        yield span


def note(attributes: Attributes) -> None:
    """Say more of the current span."""
    if enabled():
        trace.get_current_span().set_attributes(attributes)


def trace_id() -> str | None:
    """The id of the current trace, as collectors show it."""
    if not enabled():
        return None
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def carried() -> dict[str, str]:
    """The current span in W3C's fields; none if there is none."""
    fields = dict[str, str]()
    if enabled():
        _w3c.inject(fields)
    return fields


async def carry(request: HasHeaders) -> None:
    """A client's hook: the spans of its server stand below ours."""
    request.headers.update(carried())


def job(name: str, queue: str, job_id: str, payload: Mapping[str, Any]) -> AbstractContextManager[Span]:
    """One run of a job, below the span in which its `payload` was queued."""
    attributes: Attributes = {
        "messaging.system": "redis",
        "messaging.operation.type": "process",
        "messaging.operation.name": name,
        "messaging.destination.name": queue,
        "messaging.message.id": job_id,
    }
    return step(f"{name} {queue}", attributes, SpanKind.CONSUMER, _w3c.extract(payload))


def vector_store(operation: str, collection: str, points: int = 1) -> AbstractContextManager[Span]:
    """A call to the vector store."""
    attributes: Attributes = {
        "db.system.name": "qdrant",
        "db.operation.name": operation,
        "db.collection.name": collection,
        "db.operation.batch.size": points,
    }
    return step(f"{operation} {collection}", attributes, SpanKind.CLIENT)


def embeddings(model: str, provider: str, texts: int) -> AbstractContextManager[Span]:
    """A call to an embedding model."""
    attributes = {**_model("embeddings", model, provider), "ragpipeline.embedding.texts": texts}
    return step(f"embeddings {model}", attributes, SpanKind.CLIENT)


def chat(request: Mapping[str, Any]) -> AbstractContextManager[Span]:
    """A request by OpenAI's protocol. It is not the current span, as its answer may be a stream."""
    model = request["model"]
    attributes: Attributes = {
        **_model("chat", model, "openai"),
        "gen_ai.request.max_tokens": request["max_tokens"],
        "gen_ai.request.temperature": request["temperature"],
    }
    return apart(f"chat {model}", attributes, SpanKind.CLIENT)


def tokens(read: int, written: int) -> Attributes:
    """What a language model's answer took."""
    return {"gen_ai.usage.input_tokens": read, "gen_ai.usage.output_tokens": written}


def _model(operation: str, model: str, provider: str) -> Attributes:
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
    }
