"""The API: takes documents and answers questions."""

from typing import TypedDict

from pydantic import SecretStr

from rag_contract.endpoints import API_PORT, EMBEDDING_PORT, LIVE_PATH, LLM_PORT, READY_PATH
from rag_contract.environment.api import ApiSettings
from rag_contract.index import Index
from rag_contract.limits import ANSWER_SECONDS
from rag_operator import names
from rag_operator.children.objects import disruption_budget, service, service_account
from rag_operator.children.pods import Pod, container, deployment, drain, grace, http_probes, port
from rag_operator.children.site import Site
from rag_operator.children.storage import (
    STORAGE_URL,
    on_one_node,
    storage_affinity,
    storage_labels,
    storage_mount,
    storage_volume,
)
from rag_operator.children.tracing import tracing_env
from rag_operator.children.workload_env import from_secret, key_env, key_values, library_values
from rag_operator.names import Component, Manifest
from rag_operator.quantities import to_bytes
from rag_operator.spec.llm import Llm
from rag_operator.spec.retrieval import Reranker
from rag_operator.status import IndexStatus


def manifests(site: Site) -> list[Manifest]:
    """Return the children that make the API."""
    api = site.spec.api
    pod = Pod(
        Component.API,
        containers=[_container(site)],
        volumes=[storage_volume(site)],
        grace_seconds=grace(ANSWER_SECONDS),
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
        env=[*_settings(site).variables(), *key_env(site), *tracing_env(site, Component.API)],
        ports=port(API_PORT),
        **http_probes(LIVE_PATH, READY_PATH),
        lifecycle=drain(),
        volumeMounts=[storage_mount()],
    )


def _embedding_url(site: Site, index: IndexStatus) -> str:
    return names.url(site.pipeline, Component.EMBEDDING.of(index), EMBEDDING_PORT)


def _described_index(site: Site, index: IndexStatus) -> Index:
    return Index(
        id=index.id,
        collection=index.spec.collection,
        embedding_url=_embedding_url(site, index),
        embedding_model=index.spec.embedding_model,
    )


def _settings(site: Site) -> ApiSettings:
    spec, indexes, retrieval = site.spec, site.indexes, site.spec.retrieval
    llm = spec.llm or Llm()
    return ApiSettings(
        **library_values(site, indexes.serving),
        **key_values(site),
        storage_url=STORAGE_URL,
        embedding_url=_embedding_url(site, indexes.serving),
        embedding_model=indexes.serving.spec.embedding_model,
        next_index=_described_index(site, indexes.next) if indexes.next else None,
        indexes_decided=indexes.decided,
        llm_url=names.url(site.pipeline, Component.LLM, LLM_PORT) if spec.llm else None,
        upload_limit_bytes=to_bytes(spec.ingestion.upload_limit),
        retrieval_top_k=retrieval.top_k,
        retrieval_mode=retrieval.mode,
        retrieval_candidates=retrieval.candidates,
        retrieval_rerank=retrieval.rerank,
        retrieval_neighbours=retrieval.neighbours,
        retrieval_scores=retrieval.scores,
        retrieval_score_threshold=retrieval.score_threshold,
        **_reranker_values(retrieval.reranker),
        context_characters=retrieval.context_characters,
        answer_template=llm.prompt_template,
        answer_max_tokens=llm.max_tokens,
        answer_temperature=llm.temperature,
    )


class RerankerValues(TypedDict, total=False):
    """What the API is told of a server that ranks passages anew."""

    reranker_url: str
    reranker_api_key: SecretStr | None
    reranker_batch_size: int
    reranker_seconds: float


def _reranker_values(reranker: Reranker | None) -> RerankerValues:
    if reranker is None:
        return {}
    return {
        "reranker_url": reranker.url,
        "reranker_api_key": from_secret(reranker.api_key_secret_ref),
        "reranker_batch_size": reranker.batch_size,
        "reranker_seconds": reranker.timeout_seconds,
    }
