"""The workers: parse documents, chunk them, and queue the batches."""

from rag_operator.children.models import embedding_model
from rag_operator.children.objects import service_account
from rag_operator.children.pods import Pod, container, deployment, env, http_probes, port
from rag_operator.children.site import Site
from rag_operator.children.storage import (
    storage_affinity,
    storage_env,
    storage_labels,
    storage_mount,
    storage_volume,
)
from rag_operator.children.workload_env import read_limit, redis_env, service_env
from rag_operator.names import WORKER_PORT, Component, Manifest

# Time after its own grace in which a worker hands back its jobs and ends.
EXIT_SECONDS = 15


def manifests(site: Site) -> list[Manifest]:
    """Return the children that make the workers."""
    files = embedding_model(site, hub_cache={"emptyDir": {}})
    worker = container(
        site,
        "worker",
        site.image(Component.WORKER),
        site.spec.workers.resources,
        command=["python", "-m", "rag_workloads.worker"],
        env=[
            *service_env(site, WORKER_PORT),
            *redis_env(site),
            *storage_env(),
            *_ingestion_env(site),
            *files.env,
        ],
        ports=port(WORKER_PORT),
        **http_probes("/live", "/ready"),
        volumeMounts=[storage_mount(), *files.mounts],
    )
    pod = Pod(
        Component.WORKER,
        containers=[worker],
        init_containers=files.init_containers,
        volumes=[storage_volume(site), *files.volumes],
        grace_seconds=site.spec.ingestion.time_limit_seconds + EXIT_SECONDS,
        labels=storage_labels(site),
        affinity=storage_affinity(site),
    )
    return [service_account(site, Component.WORKER), deployment(site, pod, site.spec.workers.replicas)]


def _ingestion_env(site: Site) -> list[Manifest]:
    ingestion, workers = site.spec.ingestion, site.spec.workers
    return env(
        EMBEDDING_MODEL=site.spec.embedding.model,
        CHUNK_SIZE_TOKENS=ingestion.chunk_size,
        CHUNK_OVERLAP_TOKENS=ingestion.chunk_overlap,
        BATCH_SIZE=ingestion.batch_size,
        MAX_BATCHES_IN_FLIGHT=site.spec.max_batches_in_flight,
        RETRIES=ingestion.retries,
        RETRY_DELAY_SECONDS=ingestion.retry_delay_seconds,
        TIME_LIMIT_SECONDS=ingestion.time_limit_seconds,
        CONCURRENCY=workers.concurrency,
        QUEUE_READ_LIMIT=read_limit(workers.replicas, workers.concurrency),
        SHUTDOWN_GRACE_SECONDS=ingestion.time_limit_seconds,
    )
