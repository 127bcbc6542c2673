"""What a pipeline tells of itself beside its metrics."""

from pydantic import Field

from rag_operator.fields import HttpUrl, Part, SecretKeyRef


class Tracing(Part):
    """Traces: what was done for a request or a document, in which process, and how long it took."""

    otlp_endpoint: HttpUrl = Field(
        description="URL of an OpenTelemetry collector that takes OTLP over HTTP, such as"
        " http://otel-collector.observability:4318; spans go to /v1/traces below it.",
    )
    sample_ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the traces that is kept. Of a request with a traceparent its caller decides.",
    )
    headers_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="Where headers for the collector are, such as authorization=Bearer%20KEY: name=value,"
        " separated by commas, values URL-encoded.",
    )


class Monitoring(Part):
    """Traces; metrics and alerts need nothing to be said."""

    tracing: Tracing | None = Field(
        default=None,
        description="Send traces to a collector. Unset: none are made.",
    )
