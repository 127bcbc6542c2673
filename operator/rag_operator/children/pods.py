"""What all pods share: security, probes, environment, and the Deployment or StatefulSet around them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rag_contract.limits import PROBE_SECONDS
from rag_operator import names
from rag_operator.children.objects import component_child
from rag_operator.children.site import Site, fingerprint
from rag_operator.names import TEMPLATE_HASH, Component, Manifest
from rag_operator.spec.compute import Resources

UID = 65532
CONFIG_HASH = "ragpipeline.dev/config-hash"
# After a pod is told to end, its Service's clients still send to it for a moment.
DRAIN_SECONDS = 5
# What a process needs after its last work: to hand back what it did not finish, and to close.
EXIT_SECONDS = 15
# What a new pod may take to get a node and pull its images, before its own probes wait for the start.
PULL_SECONDS = 600


@dataclass(frozen=True)
class Pod:
    """One component's pod, without what every pod has."""

    component: Component
    containers: Sequence[Manifest]
    init_containers: Sequence[Manifest] = ()
    volumes: Sequence[Manifest] = ()
    grace_seconds: int = 30
    labels: dict[str, str] = field(default_factory=dict)
    affinity: Manifest = field(default_factory=dict)


def env(**values: Any) -> list[Manifest]:
    """Return environment variables; those that are None are left out."""
    return [{"name": name, "value": str(value)} for name, value in values.items() if value is not None]


def secret_env(name: str, secret: str, key: str) -> Manifest:
    """Return an environment variable whose value is in a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def http_probe(
    path: str, port: str = "http", *, period: int = 10, failures: int = 3, timeout: int = PROBE_SECONDS
) -> Manifest:
    """Return a probe of a named port; periods and timeouts are seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": timeout,
    }


def exec_probe(*command: str, period: int = 10, failures: int = 3, timeout: int = PROBE_SECONDS) -> Manifest:
    """Return a probe that runs a command in the container; periods and timeouts are seconds."""
    return {
        "exec": {"command": list(command)},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": timeout,
    }


def http_probes(live: str, ready: str, startup_seconds: int = 120) -> Manifest:
    """Return all three probes: one that waits for the start, one that tells dead, one that tells unready."""
    return {
        "startupProbe": http_probe(live, period=2, failures=startup_seconds // 2),
        "livenessProbe": http_probe(live, failures=6),
        "readinessProbe": http_probe(ready, period=5),
    }


def _literal(text: str) -> str:
    """Return a text that a kubelet hands on as it is: it reads $(NAME) as a variable and $$ as one dollar."""
    return text.replace("$", "$$")


def container(site: Site, name: str, image: str, resources: Resources, **parts: Any) -> Manifest:
    """Return a container that may write to its volumes only; what it is told stays as it is."""
    mounts = [{"name": "tmp", "mountPath": "/tmp"}, *parts.pop("volumeMounts", [])]
    if "args" in parts:
        parts["args"] = [_literal(word) for word in parts["args"]]
    if "env" in parts:
        parts["env"] = [
            {**each, "value": _literal(each["value"])} if "value" in each else each for each in parts["env"]
        ]
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": site.spec.images.pull_policy or site.settings.image_pull_policy,
        "resources": resources.model_dump(),
        # What a process says when it gives up is shown in the pipeline's conditions.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": mounts,
        **parts,
    }


def port(number: int, name: str = "http") -> list[Manifest]:
    """Return the one port of a container."""
    return [{"name": name, "containerPort": number, "protocol": "TCP"}]


def grace(work_seconds: int) -> int:
    """Return the time that a pod needs to end: out of its Service, the work that it has, its own end."""
    return DRAIN_SECONDS + work_seconds + EXIT_SECONDS


def drain() -> Manifest:
    """Return the pause in which a pod that ends is taken out of its Service."""
    return {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}


def deployment(site: Site, pod: Pod, replicas: int | None, *, recreate: bool = False) -> Manifest:
    """Return a Deployment that never has fewer pods than wanted; replicas None: another owns them."""
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    spec: Manifest = {
        "selector": {"matchLabels": names.selector(site.pipeline, pod.component)},
        "strategy": {"type": "Recreate"} if recreate else rolling,
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": PULL_SECONDS + _start_seconds(pod),
        "template": _template(site, pod),
    }
    if replicas is not None:
        spec["replicas"] = site.replicas(replicas)
    return component_child(site, "Deployment", pod.component, {"spec": spec})


def stateful_set(site: Site, pod: Pod) -> Manifest:
    """Return a StatefulSet of one pod."""
    spec = {
        "replicas": site.replicas(1),
        "serviceName": names.child_name(site.pipeline, pod.component),
        # In order, a pod that never got ready would be waited for, and a mended spec would not replace it.
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": names.selector(site.pipeline, pod.component)},
        "revisionHistoryLimit": 3,
        "template": _template(site, pod),
    }
    return component_child(site, "StatefulSet", pod.component, {"spec": spec})


def _start_seconds(pod: Pod) -> int:
    """Return how long the probes wait for a pod's containers to start, one after the other."""
    containers = (*pod.init_containers, *pod.containers)
    probes = [each["startupProbe"] for each in containers if "startupProbe" in each]
    return sum(probe["periodSeconds"] * probe["failureThreshold"] for probe in probes)


def _template(site: Site, pod: Pod) -> Manifest:
    selector = names.selector(site.pipeline, pod.component)
    spec: Manifest = {
        "serviceAccountName": names.child_name(site.pipeline, pod.component),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # A container's first process would be PID 1, to which SIGTERM is nothing until it has a handler:
        # told to end while it still imports, it would live until the grace period is over.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": pod.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": UID,
            "fsGroup": UID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector},
            }
        ],
        "containers": list(pod.containers),
        "volumes": [{"name": "tmp", "emptyDir": {}}, *pod.volumes],
    }
    if pod.init_containers:
        spec["initContainers"] = list(pod.init_containers)
    if pod.affinity:
        spec["affinity"] = pod.affinity
    if site.spec.images.pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret.name} for secret in site.spec.images.pull_secrets]
    metadata: Manifest = {"labels": {**names.labels(site.pipeline, pod.component), **pod.labels}}
    annotations = metadata["annotations"] = _scraping(pod)
    if secrets := _secrets_of(pod):
        annotations[CONFIG_HASH] = site.digest(secrets)
    annotations[TEMPLATE_HASH] = fingerprint({"metadata": metadata, "spec": spec})
    return {"metadata": metadata, "spec": spec}


def _scraping(pod: Pod) -> dict[str, str]:
    """Return what a Prometheus without PodMonitors goes by.

    It is there in any case, or all pods would be replaced when the Prometheus operator is installed.
    """
    if pod.component not in names.SCRAPED:
        return {}
    ports = [port for each in pod.containers for port in each.get("ports", []) if port["name"] == "http"]
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(ports[0]["containerPort"]),
        "prometheus.io/path": "/metrics",
    }


def _secrets_of(pod: Pod) -> set[str]:
    """Return the Secrets that a pod reads: a running process sees new contents only after a restart."""
    variables = [variable for each in pod.containers for variable in each.get("env", [])]
    return {
        variable["valueFrom"]["secretKeyRef"]["name"] for variable in variables if "valueFrom" in variable
    } | {volume["secret"]["secretName"] for volume in pod.volumes if "secret" in volume}
