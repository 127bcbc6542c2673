"""The embedding pods: pull batches from their queue, store the vectors, answer the API's queries first."""

from rag_contract.endpoints import EMBEDDING_PORT, LIVE_PATH, READY_PATH
from rag_contract.environment.embedding import EmbeddingSettings
from rag_contract.limits import EMBEDDING_SECONDS
from rag_operator import names
from rag_operator.children.models import ModelFiles, embedding_model
from rag_operator.children.objects import claim, disruption_budget, service, service_account
from rag_operator.children.pods import Pod, container, deployment, drain, grace, http_probes, port
from rag_operator.children.site import Site
from rag_operator.children.tracing import tracing_env
from rag_operator.children.workload_env import from_secret, key_env, key_values, library_values
from rag_operator.names import Component, Manifest
from rag_operator.status import IndexStatus

START_SECONDS = 120
DOWNLOAD_SECONDS = 1800
CACHE = "model-cache"


def manifests(site: Site, index: IndexStatus) -> list[Manifest]:
    """Return the children that make an index' embedding service; the same ones feed an external server."""
    component, managed = Component.EMBEDDING.of(index), site.managed_embedding(index)
    cache = managed.cache
    files = _model_files(site, index)
    pod = Pod(
        component,
        containers=[_container(site, index, files)],
        init_containers=files.init_containers,
        volumes=files.volumes,
        grace_seconds=grace(managed.batch_timeout_seconds + EMBEDDING_SECONDS),
    )
    one_node = cache is not None and cache.access_mode == "ReadWriteOnce"
    cache_name = names.in_slot(CACHE, index.slot)
    return [
        service_account(site, component),
        service(site, component, EMBEDDING_PORT),
        *([claim(site, component, cache_name, cache, cache.access_mode)] if cache else []),
        deployment(site, pod, _replicas(site, index), recreate=one_node),
        *([disruption_budget(site, component)] if _most_replicas(site, index) > 1 else []),
    ]


def _replicas(site: Site, index: IndexStatus) -> int | None:
    """Return the number of pods; None when KEDA owns it. Without KEDA, what would be the fewest."""
    if site.autoscaling(index):
        return None
    autoscaling = site.managed_embedding(index).autoscaling
    return autoscaling.min_replicas if autoscaling else _most_replicas(site, index)


def _most_replicas(site: Site, index: IndexStatus) -> int:
    """Return the most pods that can run at the same time."""
    if not index.spec.external:
        return site.managed_embedding(index).max_replicas
    feeder = site.spec.embedding.external
    return (feeder and feeder.replicas) or site.spec.api.replicas


def _model_files(site: Site, index: IndexStatus) -> ModelFiles:
    """Return where the model's files are; nowhere when another server holds the model."""
    if index.spec.external:
        return ModelFiles()
    if site.managed_embedding(index).cache:
        claim_name = names.child_name(site.pipeline, names.in_slot(CACHE, index.slot))
        return embedding_model(site, index, {"persistentVolumeClaim": {"claimName": claim_name}})
    return embedding_model(site, index, {"emptyDir": {}})


def _container(site: Site, index: IndexStatus, files: ModelFiles) -> Manifest:
    feeder = site.spec.embedding.external if index.spec.external else None
    return container(
        site,
        "embedding",
        site.image(Component.EMBEDDING),
        (feeder or site.managed_embedding(index)).resources,
        command=["python", "-m", "rag_workloads.embedding"],
        env=[
            *_settings(site, index, files).variables(),
            *key_env(site),
            *files.env,
            *tracing_env(site, Component.EMBEDDING.of(index)),
        ],
        ports=port(EMBEDDING_PORT),
        **http_probes(LIVE_PATH, READY_PATH, START_SECONDS if files.init_containers else DOWNLOAD_SECONDS),
        lifecycle=drain(),
        volumeMounts=files.mounts,
    )


def _settings(site: Site, index: IndexStatus, files: ModelFiles) -> EmbeddingSettings:
    managed, external = site.managed_embedding(index), index.spec.external
    return EmbeddingSettings(
        **library_values(site, index),
        **key_values(site),
        embedding_model=index.spec.embedding_model,
        model_path=files.path,
        engine="tei" if external else "openvino",
        engine_url=external.url if external else "",
        engine_api_key=from_secret(external.api_key_secret_ref) if external else None,
        dimensions=index.spec.dimensions,
        concurrency=managed.concurrency,
        batch_timeout_seconds=managed.batch_timeout_seconds,
        retries=site.spec.ingestion.retries,
        shutdown_grace_seconds=managed.batch_timeout_seconds,
    )
