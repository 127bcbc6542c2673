"""The operator's process: kopf's watches, the passes that they ask for, and the resync."""

import asyncio

import kopf
from prometheus_client import start_http_server

from rag_operator import handlers, logs
from rag_operator.cluster import Cluster
from rag_operator.reconcile import reconcile
from rag_operator.settings import Settings
from rag_operator.workqueue import Key, Workqueue


def main() -> None:
    """Run the operator until it is told to stop."""
    settings = Settings()
    logs.configure(settings.log_level)
    start_http_server(settings.metrics_port)
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Run everything in one task group: if a part dies, the process ends and Kubernetes starts it anew."""
    async with Cluster.connect(settings.resync_seconds) as cluster, asyncio.TaskGroup() as tasks:
        known = settings.model_copy(update={"cluster_id": settings.cluster_id or await cluster.uid()})

        async def work(key: Key) -> None:
            await reconcile(cluster, known, key.namespace, key.name)

        queue = Workqueue(work, settings.concurrency)
        loops = [
            tasks.create_task(queue.run()),
            tasks.create_task(handlers.resync(cluster, settings, queue)),
        ]
        await kopf.operator(
            registry=handlers.registry(queue),
            standalone=True,
            clusterwide=not settings.watch_namespace,
            namespaces=[settings.watch_namespace] if settings.watch_namespace else (),
            liveness_endpoint=f"http://0.0.0.0:{settings.liveness_port}/healthz",
        )
        for loop in loops:
            loop.cancel()
