"""The operator's process: kopf's watch of the pipelines, the caches, the passes, and who may make them."""

import asyncio
from collections.abc import Callable

import kopf
import structlog
from prometheus_client import start_http_server

from rag_operator import handlers, logs
from rag_operator.asking import Asker
from rag_operator.cached import CachedCluster
from rag_operator.cluster import Cluster
from rag_operator.lease import Lease
from rag_operator.names import PIPELINE
from rag_operator.reconcile import Reconciler
from rag_operator.settings import Settings
from rag_operator.transport import Transport
from rag_operator.user_secrets import UserSecrets
from rag_operator.workqueue import Urgency, Workqueue

SECRET_READS_PER_SECOND = 0.5
# Until each pipeline has a pass though no event asked for one.
SWEEP_SECONDS = 600
log = structlog.get_logger()


def main() -> None:
    """Run the operator until it is told to stop."""
    settings = Settings()
    logs.configure(settings.log_level)
    start_http_server(settings.metrics_port)
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Run everything in one task group: if a part dies, the process ends and Kubernetes starts it anew."""
    queue = Workqueue(settings.concurrency, settings.resync_seconds)
    async with Transport.connect() as transport, asyncio.TaskGroup() as tasks:
        lease = Lease(transport, settings.lease_namespace, settings.lease_name)
        guarded = transport.guarded(lease.check) if settings.lease_namespace else transport
        cluster = CachedCluster(guarded, settings.watch_namespaces, queue.add)
        while not await Cluster(transport).serves(PIPELINE):
            log.warning("the cluster knows no RagPipelines")
            await asyncio.sleep(settings.resync_seconds)
        work = tasks.create_task(lead(cluster, settings, queue, lease))
        await kopf.operator(
            registry=handlers.registry(cluster.pipelines, queue),
            standalone=True,
            clusterwide=not settings.watch_namespaces,
            namespaces=settings.watch_namespaces,
            liveness_endpoint=f"http://0.0.0.0:{settings.liveness_port}/healthz",
        )
        work.cancel()


async def lead(cluster: CachedCluster, settings: Settings, queue: Workqueue, lease: Lease) -> None:
    """Make passes while no other operator may; one that waits for its turn hears of pipelines only."""
    if not settings.lease_namespace:
        await run(cluster, settings, queue)
        return
    await lease.acquire()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(lease.hold())
            tasks.create_task(run(cluster, settings, queue))
    finally:
        await lease.release()


async def run(cluster: CachedCluster, settings: Settings, queue: Workqueue) -> None:
    """Fill the caches, then make passes."""
    user_secrets = UserSecrets(cluster)
    asker = Asker(settings.resync_seconds, queue.add)
    known = settings.model_copy(update={"cluster_id": settings.cluster_id or await cluster.uid()})
    reconciler = Reconciler(cluster, known, user_secrets, asker)

    def sweep() -> None:
        for key in cluster.pipelines.pipelines:
            queue.add(key, Urgency.SWEEP)

    async with asyncio.TaskGroup() as tasks:
        await cluster.start(tasks)
        tasks.create_task(queue.run(reconciler.reconcile))
        tasks.create_task(asker.run())
        tasks.create_task(cluster.follow(tasks, settings.resync_seconds, sweep))
        tasks.create_task(user_secrets.refresh(settings.secret_seconds, SECRET_READS_PER_SECOND, queue.add))
        tasks.create_task(resync(cluster, sweep))


async def resync(cluster: CachedCluster, sweep: Callable[[], None]) -> None:
    """Ask for a pass over every pipeline now and then, after a look at which there are."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await cluster.forget_lost_pipelines()
        except Exception as error:
            log.warning("the pipelines cannot be listed", error=repr(error))
        sweep()
