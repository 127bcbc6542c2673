"""Where a workload sends its spans: in OpenTelemetry's own variables, which its libraries read."""

from rag_operator import names
from rag_operator.children.pods import env, secret_env
from rag_operator.children.site import Site
from rag_operator.names import Component, Manifest

# For one try: a pod that ends waits no longer for a collector that is away.
SEND_SECONDS = 2


def tracing_env(site: Site, component: Component) -> list[Manifest]:
    """Return a container's variables; none where no collector is named."""
    tracing = site.spec.monitoring.tracing
    if tracing is None:
        return []
    metadata, headers = site.pipeline.metadata, tracing.headers_secret_ref
    return [
        *env(
            OTEL_SERVICE_NAME=names.child_name(site.pipeline, component),
            OTEL_RESOURCE_ATTRIBUTES=f"service.namespace={metadata.namespace},k8s.namespace.name={metadata.namespace}",
            OTEL_EXPORTER_OTLP_ENDPOINT=tracing.otlp_endpoint,
            OTEL_EXPORTER_OTLP_TIMEOUT=SEND_SECONDS,
            OTEL_TRACES_SAMPLER="parentbased_traceidratio",
            OTEL_TRACES_SAMPLER_ARG=tracing.sample_ratio,
        ),
        *([secret_env("OTEL_EXPORTER_OTLP_HEADERS", headers.name, headers.key)] if headers else []),
    ]
