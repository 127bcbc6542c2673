"""The workers: parse documents, chunk them, and queue the batches."""

from rag_contract import defaults
from rag_contract.endpoints import LIVE_PATH, READY_PATH, WORKER_PORT
from rag_contract.environment.worker import WorkerSettings
from rag_contract.limits import READY_SECONDS
from rag_operator.children.models import ModelFiles, embedding_model
from rag_operator.children.objects import service_account
from rag_operator.children.pods import Pod, container, deployment, grace, http_probes, port
from rag_operator.children.redis import max_memory
from rag_operator.children.site import Site
from rag_operator.children.storage import (
    STORAGE_URL,
    storage_affinity,
    storage_labels,
    storage_mount,
    storage_volume,
)
from rag_operator.children.tracing import tracing_env
from rag_operator.children.workload_env import library_values
from rag_operator.names import Component, Manifest
from rag_operator.status import IndexStatus


def manifests(site: Site, index: IndexStatus) -> list[Manifest]:
    """Return the children that make the workers of an index."""
    component = Component.WORKER.of(index)
    files = embedding_model(site, index, hub_cache={"emptyDir": {}})
    worker = container(
        site,
        "worker",
        site.image(Component.WORKER),
        site.spec.workers.resources,
        command=["python", "-m", "rag_workloads.worker"],
        env=[*_settings(site, index, files).variables(), *files.env, *tracing_env(site, component)],
        ports=port(WORKER_PORT),
        **http_probes(LIVE_PATH, READY_PATH),
        volumeMounts=[storage_mount(), *files.mounts],
    )
    pod = Pod(
        component,
        containers=[worker],
        init_containers=files.init_containers,
        volumes=[storage_volume(site), *files.volumes],
        grace_seconds=grace(site.spec.ingestion.time_limit_seconds + READY_SECONDS),
        labels=storage_labels(site),
        affinity=storage_affinity(site),
    )
    return [service_account(site, component), deployment(site, pod, site.spec.workers.replicas)]


def _settings(site: Site, index: IndexStatus, files: ModelFiles) -> WorkerSettings:
    ingestion, workers = site.spec.ingestion, site.spec.workers
    return WorkerSettings(
        **library_values(site, index),
        storage_url=STORAGE_URL,
        embedding_model=index.spec.embedding_model,
        model_path=files.path,
        chunk_size_tokens=index.spec.chunk_size,
        chunk_overlap_tokens=index.spec.chunk_overlap,
        batch_size=index.spec.batch_size,
        max_batches_in_flight=site.spec.max_batches_in_flight,
        max_bytes_in_flight=_max_bytes_in_flight(site),
        retries=ingestion.retries,
        retry_delay_seconds=ingestion.retry_delay_seconds,
        time_limit_seconds=ingestion.time_limit_seconds,
        ocr=ingestion.ocr,
        concurrency=workers.concurrency,
        index_grace_seconds=site.spec.vector_store.index_grace_seconds,
        shutdown_grace_seconds=ingestion.time_limit_seconds,
    )


def _max_bytes_in_flight(site: Site) -> int:
    """Return a quarter of Redis' memory: the rest is for records and for documents that wait."""
    managed = site.spec.queue.managed
    memory = max_memory(managed) if managed else None
    return memory // 4 if memory else defaults.MAX_BYTES_IN_FLIGHT
