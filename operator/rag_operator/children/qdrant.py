"""The managed Qdrant: one pod that keeps the vectors."""

from rag_operator import names
from rag_operator.children.objects import claim, service, service_account
from rag_operator.children.pods import Pod, container, env, http_probes, port, secret_env, stateful_set
from rag_operator.children.site import Site
from rag_operator.connections import QDRANT_PORT
from rag_operator.names import Component, Manifest
from rag_operator.spec.stores import ManagedQdrant

CLAIM = "qdrant-data"
STORAGE_PATH = "/qdrant/storage"
START_SECONDS = 600


def manifests(site: Site) -> list[Manifest]:
    """Return the children that make Qdrant; none when it runs elsewhere."""
    managed = site.spec.vector_store.managed
    if managed is None:
        return []
    data = {"claimName": names.child_name(site.pipeline, CLAIM)}
    pod = Pod(
        Component.QDRANT,
        containers=[_container(site, managed)],
        volumes=[{"name": "data", "persistentVolumeClaim": data}],
    )
    owned = managed.retention_policy == "Delete"
    return [
        service_account(site, Component.QDRANT),
        service(site, Component.QDRANT, QDRANT_PORT),
        claim(site, Component.QDRANT, CLAIM, managed.storage, owned=owned),
        stateful_set(site, pod),
    ]


def _container(site: Site, managed: ManagedQdrant) -> Manifest:
    return container(
        site,
        "qdrant",
        site.image(Component.QDRANT),
        managed.resources,
        env=[
            *env(
                QDRANT__SERVICE__HOST="0.0.0.0",
                QDRANT__SERVICE__HTTP_PORT=QDRANT_PORT,
                QDRANT__STORAGE__STORAGE_PATH=STORAGE_PATH,
                # The official image writes these beside its program, where a read-only file system refuses.
                QDRANT__STORAGE__SNAPSHOTS_PATH=f"{STORAGE_PATH}/.snapshots",
                QDRANT_INIT_FILE_PATH=f"{STORAGE_PATH}/.qdrant-initialized",
                QDRANT__TELEMETRY_DISABLED="true",
            ),
            secret_env("QDRANT__SERVICE__API_KEY", names.vector_store_secret(site.pipeline), "api-key"),
        ],
        ports=port(QDRANT_PORT),
        **http_probes("/livez", "/readyz", START_SECONDS),
        volumeMounts=[{"name": "data", "mountPath": STORAGE_PATH}],
    )
