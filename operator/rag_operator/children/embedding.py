"""The embedding pods: pull batches from their queue, store the vectors, answer the API's queries first."""

from rag_operator import names
from rag_operator.children.models import ModelFiles, embedding_model
from rag_operator.children.objects import claim, disruption_budget, service, service_account
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
from rag_operator.children.workload_env import qdrant_env, read_limit, redis_env, service_env
from rag_operator.names import EMBEDDING_PORT, Component, Manifest
from rag_operator.spec.embedding import ManagedEmbedding

EXIT_SECONDS = 10
START_SECONDS = 120
DOWNLOAD_SECONDS = 1800
CACHE = "model-cache"


def manifests(site: Site) -> list[Manifest]:
    """Return the children that make the embedding service; the same ones feed an external server."""
    managed = _managed(site)
    cache = managed.cache
    files = _model_files(site)
    pod = Pod(
        Component.EMBEDDING,
        containers=[_container(site, files)],
        init_containers=files.init_containers,
        volumes=files.volumes,
        grace_seconds=DRAIN_SECONDS + managed.batch_timeout_seconds + EXIT_SECONDS,
    )
    one_node = cache is not None and cache.access_mode == "ReadWriteOnce"
    budget = [disruption_budget(site, Component.EMBEDDING)] if site.spec.max_embedding_replicas > 1 else []
    claims = [claim(site, Component.EMBEDDING, CACHE, cache, cache.access_mode)] if cache else []
    return [
        service_account(site, Component.EMBEDDING),
        service(site, Component.EMBEDDING, EMBEDDING_PORT),
        *claims,
        deployment(site, pod, _replicas(site), recreate=one_node),
        *budget,
    ]


def _managed(site: Site) -> ManagedEmbedding:
    return site.spec.embedding.managed or ManagedEmbedding()


def _replicas(site: Site) -> int | None:
    """Return the number of pods; None when KEDA owns it. Without KEDA, what would be the fewest."""
    if site.scaled:
        return None
    managed = _managed(site)
    if managed.autoscaling:
        return managed.autoscaling.min_replicas
    return 1 if managed.replicas is None else managed.replicas


def _model_files(site: Site) -> ModelFiles:
    """Return where the model's files are; nowhere when another server holds the model."""
    if site.spec.embedding.external:
        return ModelFiles()
    if _managed(site).cache:
        claim_name = names.child_name(site.pipeline, CACHE)
        return embedding_model(site, {"persistentVolumeClaim": {"claimName": claim_name}})
    return embedding_model(site, {"emptyDir": {}})


def _engine_env(site: Site) -> list[Manifest]:
    external = site.spec.embedding.external
    if external is None:
        return env(ENGINE="openvino")
    key = secret_ref_env("ENGINE_API_KEY", external.api_key_secret_ref)
    return [*env(ENGINE="tei", ENGINE_URL=external.url), *key]


def _container(site: Site, files: ModelFiles) -> Manifest:
    managed = _managed(site)
    return container(
        site,
        "embedding",
        site.image(Component.EMBEDDING),
        managed.resources,
        command=["python", "-m", "rag_workloads.embedding"],
        env=[
            *service_env(site, EMBEDDING_PORT),
            *redis_env(site),
            *qdrant_env(site),
            *env(
                EMBEDDING_MODEL=site.spec.embedding.model,
                DIMENSIONS=site.spec.embedding.dimensions,
                CONCURRENCY=managed.concurrency,
                BATCH_TIMEOUT_SECONDS=managed.batch_timeout_seconds,
                RETRIES=site.spec.ingestion.retries,
                QUEUE_READ_LIMIT=read_limit(site.spec.max_embedding_replicas, managed.concurrency),
                SHUTDOWN_GRACE_SECONDS=managed.batch_timeout_seconds,
            ),
            *_engine_env(site),
            *files.env,
        ],
        ports=port(EMBEDDING_PORT),
        **http_probes("/live", "/ready", START_SECONDS if files.init_containers else DOWNLOAD_SECONDS),
        lifecycle=drain(),
        volumeMounts=files.mounts,
    )
