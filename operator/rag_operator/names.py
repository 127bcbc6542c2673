"""Names, labels and selectors of everything that belongs to a pipeline, and the kinds that it is made of."""

from enum import StrEnum
from typing import Any, NamedTuple

from rag_contract import names as contract
from rag_operator.pipeline import GROUP, KIND, PLURAL, VERSION, RagPipeline
from rag_operator.status import IndexStatus, Slot

Manifest = dict[str, Any]
Key = tuple[str, str]
"""Kind and name of an object, which tell it from the others of its namespace."""

FIELD_MANAGER = "ragpipeline-operator"
MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
# On every child: tells the manifest that was sent last, and marks as ours what has lost its labels.
APPLIED_HASH = "ragpipeline.dev/applied-hash"
# On a workload's template and so on its pods: tells those of the present template from those before.
TEMPLATE_HASH = "ragpipeline.dev/template-hash"
LLAMA_SERVER_PORT = 8080


class Component(StrEnum):
    """A part of a pipeline; the suffix of its children's names."""

    API = "api"
    WORKER = "worker"
    EMBEDDING = "embedding"
    LLM = "llm"
    REDIS = "redis"
    QDRANT = "qdrant"
    STORAGE = "storage"
    MONITORING = "monitoring"
    ROUTE = "route"
    # Of the index in the second slot.
    WORKER_B = "worker-b"
    EMBEDDING_B = "embedding-b"

    def of(self, index: IndexStatus) -> "Component":
        """Return this part of an index; what is not of an index is the same for all."""
        return Component(in_slot(self, index.slot)) if self in PARTS_OF_AN_INDEX else self


# What each index has for itself, and what a pipeline has whatever its indexes.
PARTS_OF_AN_INDEX = (Component.WORKER, Component.EMBEDDING)
# Whose pods serve metrics, on the port named http.
SCRAPED = (
    Component.API,
    Component.WORKER,
    Component.EMBEDDING,
    Component.LLM,
    Component.WORKER_B,
    Component.EMBEDDING_B,
)
PARTS = tuple(each for each in Component if each not in {Component.WORKER_B, Component.EMBEDDING_B})


class Kind(NamedTuple):
    """A kind of object, with what its URL needs."""

    api_version: str
    kind: str
    plural: str


PIPELINE = Kind(f"{GROUP}/{VERSION}", KIND, PLURAL)
NAMESPACE = Kind("v1", "Namespace", "namespaces")
POD = Kind("v1", "Pod", "pods")
EVENT = Kind("v1", "Event", "events")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
SECRET = Kind("v1", "Secret", "secrets")
SERVICE = Kind("v1", "Service", "services")
CLAIM = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
SCALED_OBJECT = Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects")
POD_MONITOR = Kind("monitoring.coreos.com/v1", "PodMonitor", "podmonitors")
PROMETHEUS_RULE = Kind("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules")
INGRESS = Kind("networking.k8s.io/v1", "Ingress", "ingresses")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
GATEWAY = Kind("gateway.networking.k8s.io/v1", "Gateway", "gateways")
# Kinds of children that every cluster has, and those that are brought by KEDA, by the Prometheus operator and
# by the Gateway API.
CORE_KINDS = (
    Kind("v1", "ServiceAccount", "serviceaccounts"),
    SECRET,
    CLAIM,
    SERVICE,
    DEPLOYMENT,
    STATEFUL_SET,
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    INGRESS,
)
KEDA_KINDS = (
    Kind("keda.sh/v1alpha1", "TriggerAuthentication", "triggerauthentications"),
    SCALED_OBJECT,
)
MONITORING_KINDS = (POD_MONITOR, PROMETHEUS_RULE)
GATEWAY_KINDS = (HTTP_ROUTE,)
CHILD_KINDS = (*CORE_KINDS, *KEDA_KINDS, *MONITORING_KINDS, *GATEWAY_KINDS)
KINDS = {kind.kind: kind for kind in CHILD_KINDS}


def key(item: Manifest) -> Key:
    """Return kind and name of an object."""
    return item["kind"], item["metadata"]["name"]


def in_slot(name: str, slot: Slot) -> str:
    """Return the name of what an index has, in its slot."""
    return f"{name}-{slot}" if slot else name


def child_name(pipeline: RagPipeline, suffix: str) -> str:
    """Return the name of a child, at most 60 characters long."""
    return f"{pipeline.metadata.name}-{suffix}"


def queue_secret(pipeline: RagPipeline) -> str:
    """Return the name of the Secret that says how to reach Redis."""
    return child_name(pipeline, "queue")


def vector_store_secret(pipeline: RagPipeline) -> str:
    """Return the name of the Secret that says how to reach Qdrant."""
    return child_name(pipeline, "vector-store")


def pipeline_id(pipeline: RagPipeline) -> str:
    """Return what the pipeline's keys in Redis start with."""
    return contract.pipeline_id(pipeline.metadata.namespace, pipeline.metadata.name)


def host(pipeline: RagPipeline, component: Component) -> str:
    """Return the DNS name of a component's Service."""
    return f"{child_name(pipeline, component)}.{pipeline.metadata.namespace}"


def url(pipeline: RagPipeline, component: Component, port: int) -> str:
    """Return the URL of a component's Service."""
    return f"http://{host(pipeline, component)}:{port}"


def selector(pipeline: RagPipeline, component: Component) -> dict[str, str]:
    """Return the labels that select a component's pods; they never change."""
    return {INSTANCE: pipeline.metadata.name, COMPONENT: component.value, MANAGED_BY: FIELD_MANAGER}


def labels(pipeline: RagPipeline, component: Component) -> dict[str, str]:
    """Return the labels of a component's objects."""
    return {"app.kubernetes.io/name": "ragpipeline", **selector(pipeline, component)}


def children_labels(pipeline: RagPipeline) -> dict[str, str]:
    """Return the labels that all children of a pipeline have."""
    return {MANAGED_BY: FIELD_MANAGER, INSTANCE: pipeline.metadata.name}


def children_selector(pipeline: RagPipeline) -> str:
    """Return the label selector of all children of a pipeline."""
    return ",".join(f"{key}={value}" for key, value in children_labels(pipeline).items())


def owner_reference(pipeline: RagPipeline) -> Manifest:
    """Return the reference that lets the garbage collector remove a child with its pipeline."""
    return {
        "apiVersion": PIPELINE.api_version,
        "kind": PIPELINE.kind,
        "name": pipeline.metadata.name,
        "uid": pipeline.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_owned(item: Manifest, uid: str) -> bool:
    """Return whether an object goes with the pipeline of that uid; a claim that is retained does not."""
    return any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", []))


def is_ours(item: Manifest, pipeline: RagPipeline) -> bool:
    """Return whether an object under a child's name is the pipeline's, whatever label it has lost.

    A claim that is retained has no owner: what was sent to it marks it.
    """
    if is_owned(item, pipeline.metadata.uid):
        return True
    metadata = item["metadata"]
    instance = metadata.get("labels", {}).get(INSTANCE, pipeline.metadata.name)
    marked = APPLIED_HASH in metadata.get("annotations", {}) and instance == pipeline.metadata.name
    return marked and not any(owner.get("controller") for owner in metadata.get("ownerReferences", []))
