"""The managed Redis: one pod with an append-only file."""

from rag_operator import names
from rag_operator.children.objects import claim, component_child, service_account
from rag_operator.children.pods import Pod, container, exec_probe, port, secret_env, stateful_set
from rag_operator.children.site import Site
from rag_operator.connections import REDIS_CONFIG, REDIS_PORT
from rag_operator.names import Component, Manifest
from rag_operator.quantities import to_bytes
from rag_operator.spec.stores import ManagedRedis

CLAIM = "redis-data"
DATA_PATH = "/data"
CONFIG_PATH = "/etc/redis"


def manifests(site: Site) -> list[Manifest]:
    """Return the children that make Redis; none when it runs elsewhere."""
    managed = site.spec.queue.managed
    if managed is None:
        return []
    secret = names.queue_secret(site.pipeline)
    config = {
        "secretName": secret,
        "items": [{"key": REDIS_CONFIG, "path": REDIS_CONFIG}],
        "defaultMode": 0o440,
    }
    data = {"claimName": names.child_name(site.pipeline, CLAIM)}
    pod = Pod(
        Component.REDIS,
        containers=[_container(site, managed)],
        volumes=[
            {"name": "data", "persistentVolumeClaim": data},
            {"name": "config", "secret": config},
        ],
    )
    owned = managed.retention_policy == "Delete"
    return [
        service_account(site, Component.REDIS),
        _service(site),
        claim(site, Component.REDIS, CLAIM, managed.storage, owned=owned),
        stateful_set(site, pod),
    ]


def _service(site: Site) -> Manifest:
    ports = [{"name": "redis", "port": REDIS_PORT, "targetPort": "redis", "protocol": "TCP"}]
    spec = {"selector": names.selector(site.pipeline, Component.REDIS), "ports": ports}
    return component_child(site, "Service", Component.REDIS, {"spec": spec})


def _container(site: Site, managed: ManagedRedis) -> Manifest:
    cli = ("redis-cli", "-p", str(REDIS_PORT))
    return container(
        site,
        "redis",
        site.image(Component.REDIS),
        managed.resources,
        args=[
            "redis-server", f"{CONFIG_PATH}/{REDIS_CONFIG}",
            "--port", str(REDIS_PORT),
            "--dir", DATA_PATH,
            "--appendonly", "yes",
            "--appendfsync", "everysec",
            "--maxmemory-policy", "noeviction",
            *_max_memory(managed),
        ],
        env=[secret_env("REDISCLI_AUTH", names.queue_secret(site.pipeline), "password")],
        ports=port(REDIS_PORT, "redis"),
        # While it loads its file, Redis answers with an error: it lives, and is not ready. Only with -e does
        # redis-cli fail then.
        startupProbe=exec_probe(*cli, "ping", period=2, failures=150),
        livenessProbe=exec_probe(*cli, "ping", failures=6),
        readinessProbe=exec_probe(*cli, "-e", "ping", period=5),
        volumeMounts=[
            {"name": "data", "mountPath": DATA_PATH},
            {"name": "config", "mountPath": CONFIG_PATH, "readOnly": True},
        ],
    )  # fmt: skip


def max_memory(managed: ManagedRedis) -> int | None:
    """Return a limit that leaves room for a rewrite of the file: Redis refuses writes before it is killed."""
    memory = managed.resources.limits.get("memory")
    return to_bytes(memory) * 3 // 4 if memory else None


def _max_memory(managed: ManagedRedis) -> list[str]:
    limit = max_memory(managed)
    return ["--maxmemory", str(limit)] if limit else []
