"""The LLM service, and in the same pod the engine of a managed model."""

import math

from rag_contract.endpoints import LIVE_PATH, LLM_PORT, READY_PATH
from rag_contract.environment.llm import LlmSettings
from rag_contract.limits import ANSWER_SECONDS
from rag_operator import names
from rag_operator.children.models import MODELS_PATH, model_init_container, models_mount, models_volume
from rag_operator.children.objects import disruption_budget, service, service_account
from rag_operator.children.pods import (
    Pod,
    container,
    deployment,
    drain,
    exec_probe,
    grace,
    http_probes,
    port,
)
from rag_operator.children.site import Site
from rag_operator.children.tracing import tracing_env
from rag_operator.children.workload_env import from_secret
from rag_operator.names import LLAMA_SERVER_PORT, Component, Manifest
from rag_operator.quantities import parse_quantity
from rag_operator.spec.llm import ExternalLlm, Llm, ManagedLlm

LOAD_SECONDS = 600


def manifests(site: Site) -> list[Manifest]:
    """Return the children that make the LLM service; none when the pipeline has no language model."""
    llm = site.spec.llm
    if llm is None:
        return []
    if llm.external:
        pod = Pod(
            Component.LLM,
            containers=[_proxy(site, llm, _external(site, llm.external))],
            grace_seconds=grace(ANSWER_SECONDS),
        )
        return _children(site, pod, llm.external.replicas or site.spec.api.replicas)
    managed = llm.managed
    if managed is None or site.llm_model_image is None:
        return []
    pod = Pod(
        Component.LLM,
        containers=[_proxy(site, llm, _beside(site, managed))],
        init_containers=[
            model_init_container(site, site.llm_model_image, managed.model_resources),
            _engine(site, managed),
        ],
        volumes=[models_volume()],
        grace_seconds=grace(ANSWER_SECONDS),
    )
    return _children(site, pod, managed.replicas)


def _children(site: Site, pod: Pod, replicas: int) -> list[Manifest]:
    return [
        service_account(site, Component.LLM),
        service(site, Component.LLM, LLM_PORT),
        deployment(site, pod, replicas),
        *([disruption_budget(site, Component.LLM)] if replicas > 1 else []),
    ]


def _external(site: Site, external: ExternalLlm) -> LlmSettings:
    """Return the settings of a service before a server that runs elsewhere."""
    return LlmSettings(
        pipeline=names.pipeline_id(site.pipeline),
        backend_url=external.url,
        backend_model=external.model,
        backend_api_key=from_secret(external.api_key_secret_ref),
    )


def _beside(site: Site, managed: ManagedLlm) -> LlmSettings:
    """Return the settings of a service before the engine in its own pod."""
    engine = f"http://127.0.0.1:{LLAMA_SERVER_PORT}"
    return LlmSettings(
        pipeline=names.pipeline_id(site.pipeline),
        backend_url=f"{engine}/v1",
        backend_model=managed.model,
        engine_metrics_url=f"{engine}/metrics",
    )


def _proxy(site: Site, llm: Llm, settings: LlmSettings) -> Manifest:
    return container(
        site,
        "llm",
        site.image(Component.LLM),
        llm.resources,
        command=["python", "-m", "rag_workloads.llm"],
        env=[*settings.variables(), *tracing_env(site, Component.LLM)],
        ports=port(LLM_PORT),
        **http_probes(LIVE_PATH, READY_PATH),
        lifecycle=drain(),
    )


def _engine(site: Site, managed: ManagedLlm) -> Manifest:
    """Return the engine as a sidecar: up before the service, and there until its last answer has ended."""
    return container(
        site,
        "llama-server",
        site.spec.images.llama_server or site.settings.image_llama_server,
        managed.resources,
        args=[
            "-m", f"{MODELS_PATH}/{managed.model_file}",
            "--alias", managed.model,
            "--host", "127.0.0.1",
            "--port", str(LLAMA_SERVER_PORT),
            "-c", str(managed.context_length * managed.parallel),
            "--parallel", str(managed.parallel),
            "--metrics",
            *_threads(managed),
        ],
        restartPolicy="Always",
        ports=port(LLAMA_SERVER_PORT, "llama"),
        startupProbe=_health(period=2, failures=LOAD_SECONDS // 2),
        livenessProbe=_health(failures=6),
        readinessProbe=_health(period=5),
        volumeMounts=[models_mount()],
    )  # fmt: skip


def _health(period: int = 10, failures: int = 3) -> Manifest:
    """Return a probe of the engine, made inside its pod: nobody outside reaches it, nor does the kubelet."""
    url = f"http://127.0.0.1:{LLAMA_SERVER_PORT}/health"
    return exec_probe(
        "curl", "--fail", "--silent", "--output", "/dev/null", url, period=period, failures=failures
    )


def _threads(managed: ManagedLlm) -> list[str]:
    """Return one thread for each CPU of the limit: the engine would start one for each CPU of the node."""
    limit = parse_quantity(managed.resources.limits.get("cpu", ""))
    return ["--threads", str(max(1, math.ceil(limit)))] if limit else []
