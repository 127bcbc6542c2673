"""What a pass reads of one pipeline: its children, its pods, and the Secrets that it needs."""

import asyncio
from collections.abc import Sequence

from rag_operator import names
from rag_operator.cluster import Cluster, ClusterError
from rag_operator.evidence import Observed
from rag_operator.names import (
    CORE_KINDS,
    GATEWAY,
    GATEWAY_KINDS,
    HTTP_ROUTE,
    KEDA_KINDS,
    KINDS,
    MONITORING_KINDS,
    POD,
    SCALED_OBJECT,
    SECRET,
    Manifest,
    key,
)
from rag_operator.pipeline import RagPipeline


async def observe(cluster: Cluster, pipeline: RagPipeline) -> Observed:
    """Read the children and the pods of a pipeline."""
    keda = await cluster.serves(SCALED_OBJECT)
    monitoring = await cluster.serves(*MONITORING_KINDS)
    gateway_api = await cluster.serves(HTTP_ROUTE)
    optional = ((KEDA_KINDS, keda), (MONITORING_KINDS, monitoring), (GATEWAY_KINDS, gateway_api))
    kinds = (*CORE_KINDS, *(kind for kinds, served in optional if served for kind in kinds))
    *children, pods = await asyncio.gather(*(cluster.children(kind, pipeline) for kind in (*kinds, POD)))
    gateway = await read_gateway(cluster, pipeline) if gateway_api else None
    return Observed(
        [item for items in children for item in items], pods, keda, monitoring, gateway_api, gateway
    )


async def read_gateway(cluster: Cluster, pipeline: RagPipeline) -> Manifest | None:
    """Read the Gateway that a pipeline is to be reached by; None if there is none, or it may not be read."""
    wanted = pipeline.spec.expose.gateway if pipeline.spec.expose else None
    if wanted is None:
        return None
    try:
        return await cluster.get(GATEWAY, wanted.namespace or pipeline.metadata.namespace, wanted.name)
    except ClusterError as error:
        if error.status != 403:  # as for an operator that serves another namespace only
            raise
        return None


async def find_unlabelled(
    cluster: Cluster, pipeline: RagPipeline, desired: Sequence[Manifest], observed: Sequence[Manifest]
) -> tuple[list[Manifest], list[Manifest]]:
    """Read the objects that have a child's name but not its labels: our own, and those of somebody else."""
    seen = {key(item) for item in observed}
    missing = [child for child in desired if key(child) not in seen]
    found = await asyncio.gather(
        *(
            cluster.get(KINDS[child["kind"]], pipeline.metadata.namespace, child["metadata"]["name"])
            for child in missing
        )
    )
    there = [item for item in found if item]
    ours = [item for item in there if names.is_ours(item, pipeline)]
    return ours, [item for item in there if item not in ours]


async def read_own_secrets(cluster: Cluster, pipeline: RagPipeline) -> dict[str, Manifest]:
    """Read the Secrets that the operator made before: by name, for a lost label must not cost a password."""
    return await read_secrets(
        cluster, pipeline, {names.queue_secret(pipeline), names.vector_store_secret(pipeline)}
    )


async def read_secrets(cluster: Cluster, pipeline: RagPipeline, wanted: set[str]) -> dict[str, Manifest]:
    """Read Secrets by name; those that do not exist are left out."""
    namespace = pipeline.metadata.namespace
    found = await asyncio.gather(*(cluster.get(SECRET, namespace, name) for name in wanted))
    return {name: secret for name, secret in zip(wanted, found, strict=True) if secret}
