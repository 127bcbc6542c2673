"""The API: takes documents and answers questions."""

from rag_operator import names
from rag_operator.children.objects import disruption_budget, service, service_account
from rag_operator.children.pods import (
    DRAIN_SECONDS,
    Pod,
    container,
    deployment,
    drain,
    env,
    http_probes,
    port,
    secret_ref_env,
)
from rag_operator.children.site import Site
from rag_operator.children.storage import (
    on_one_node,
    storage_affinity,
    storage_env,
    storage_labels,
    storage_mount,
    storage_volume,
)
from rag_operator.children.workload_env import qdrant_env, redis_env, service_env
from rag_operator.names import API_PORT, EMBEDDING_PORT, LLM_PORT, Component, Manifest
from rag_operator.quantities import to_bytes

# An answer that is being streamed may take this long to end.
ANSWER_SECONDS = 60


def manifests(site: Site) -> list[Manifest]:
    """Return the children that make the API."""
    api = site.spec.api
    pod = Pod(
        Component.API,
        containers=[_container(site)],
        volumes=[storage_volume(site)],
        grace_seconds=DRAIN_SECONDS + ANSWER_SECONDS,
        labels=storage_labels(site),
        affinity=storage_affinity(site),
    )
    # Pods that share one node must leave it together: with a budget, a drain of it would wait for ever.
    budget = [disruption_budget(site, Component.API)] if api.replicas > 1 and not on_one_node(site) else []
    return [
        service_account(site, Component.API),
        service(site, Component.API, API_PORT),
        deployment(site, pod, api.replicas),
        *budget,
    ]


def _container(site: Site) -> Manifest:
    return container(
        site,
        "api",
        site.image(Component.API),
        site.spec.api.resources,
        command=["python", "-m", "rag_workloads.api"],
        env=[
            *service_env(site, API_PORT),
            *redis_env(site),
            *qdrant_env(site),
            *storage_env(),
            *_question_env(site),
            *secret_ref_env("API_KEY", site.spec.api.auth.api_key_secret_ref),
        ],
        ports=port(API_PORT),
        **http_probes("/live", "/ready"),
        lifecycle=drain(),
        volumeMounts=[storage_mount()],
    )


def _question_env(site: Site) -> list[Manifest]:
    spec = site.spec
    llm = spec.llm
    return env(
        EMBEDDING_URL=names.url(site.pipeline, Component.EMBEDDING, EMBEDDING_PORT),
        EMBEDDING_MODEL=spec.embedding.model,
        LLM_URL=names.url(site.pipeline, Component.LLM, LLM_PORT) if llm else None,
        ANSWER_MAX_TOKENS=llm.max_tokens if llm else None,
        ANSWER_TEMPERATURE=llm.temperature if llm else None,
        RETRIEVAL_TOP_K=spec.retrieval.top_k,
        RETRIEVAL_SCORE_THRESHOLD=spec.retrieval.score_threshold,
        CONTEXT_CHARACTERS=spec.retrieval.context_characters,
        UPLOAD_LIMIT_BYTES=to_bytes(spec.ingestion.upload_limit),
    )
