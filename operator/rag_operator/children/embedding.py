"""The embedding pods: pull batches from their queue, store the vectors, answer the API's queries first."""

from rag_contract.endpoints import EMBEDDING_PORT, LIVE_PATH, READY_PATH
from rag_contract.environment.embedding import EmbeddingSettings
from rag_contract.limits import EMBEDDING_SECONDS
from rag_operator import names
from rag_operator.children.models import ModelFiles, embedding_model
from rag_operator.children.objects import claim, disruption_budget, service, service_account
from rag_operator.children.pods import Pod, container, deployment, drain, grace, http_probes, port
from rag_operator.children.site import Site
from rag_operator.children.workload_env import from_secret, library_values
from rag_operator.names import Component, Manifest
from rag_operator.spec.embedding import ManagedEmbedding

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
        grace_seconds=grace(managed.batch_timeout_seconds + EMBEDDING_SECONDS),
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


def _container(site: Site, files: ModelFiles) -> Manifest:
    external = site.spec.embedding.external
    return container(
        site,
        "embedding",
        site.image(Component.EMBEDDING),
        external.resources if external else _managed(site).resources,
        command=["python", "-m", "rag_workloads.embedding"],
        env=[*_settings(site, files).variables(), *files.env],
        ports=port(EMBEDDING_PORT),
        **http_probes(LIVE_PATH, READY_PATH, START_SECONDS if files.init_containers else DOWNLOAD_SECONDS),
        lifecycle=drain(),
        volumeMounts=files.mounts,
    )


def _settings(site: Site, files: ModelFiles) -> EmbeddingSettings:
    spec, managed, external = site.spec, _managed(site), site.spec.embedding.external
    return EmbeddingSettings(
        **library_values(site),
        embedding_model=spec.embedding.model,
        model_path=files.path,
        engine="tei" if external else "openvino",
        engine_url=external.url if external else "",
        engine_api_key=from_secret(external.api_key_secret_ref) if external else None,
        dimensions=spec.embedding.dimensions,
        concurrency=managed.concurrency,
        batch_timeout_seconds=managed.batch_timeout_seconds,
        retries=spec.ingestion.retries,
        shutdown_grace_seconds=managed.batch_timeout_seconds,
    )
