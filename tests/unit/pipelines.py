"""Pipelines for tests of the operator: good defaults, so that a test states only what it is about."""

import base64
from copy import deepcopy
from typing import Any

from rag_operator.children import Site, build
from rag_operator.connections import QueueConnection, VectorStoreConnection
from rag_operator.indexes import decide
from rag_operator.names import Manifest
from rag_operator.pipeline import RagPipeline
from rag_operator.plan import stamp
from rag_operator.settings import Settings
from rag_operator.status import Indexes, IndexStatus

UID = "0b7c6f3e-0000-4000-8000-000000000001"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
SMOLLM = "HuggingFaceTB/SmolLM2-135M-Instruct"
AUTOSCALED: Manifest = {"model": MINILM, "managed": {"autoscaling": {"maxReplicas": 4}}}
MANAGED_LLM: Manifest = {"managed": {"model": SMOLLM}}
EXTERNAL_LLM: Manifest = {
    "external": {
        "url": "http://vllm:8000/v1",
        "model": "qwen",
        "apiKeySecretRef": {"name": "keys", "key": "llm"},
    }
}
KEYS: Manifest = {
    "apiKeySecretRef": {"name": "keys", "key": "first"},
    "keys": [
        {
            "name": "reader",
            "secretKeyRef": {"name": "keys", "key": "second"},
            "scopes": ["query"],
            "requestsPerMinute": 60,
        }
    ],
}
HOST = "rag.example.com"
INGRESS: Manifest = {"ingress": {"className": "nginx", "host": HOST}}
GATEWAY: Manifest = {"gateway": {"name": "shared", "namespace": "edge", "hostnames": [HOST]}}
MINIMAL_SPEC: Manifest = {
    "vectorStore": {"collection": "docs", "managed": {}},
    "embedding": {"model": MINILM, "managed": {}},
}


def resource(**spec: Any) -> Manifest:
    """Return a RagPipeline as a user writes it; keyword arguments replace parts of the minimal spec."""
    return {
        "apiVersion": "ragpipeline.dev/v1alpha1",
        "kind": "RagPipeline",
        "metadata": {"name": "demo", "namespace": "team", "uid": UID, "generation": 3},
        "spec": {**deepcopy(MINIMAL_SPEC), **spec},
    }


def pipeline(**spec: Any) -> RagPipeline:
    """Return a RagPipeline as the operator reads it."""
    return RagPipeline.model_validate(resource(**spec))


def site(
    *,
    keda: bool = True,
    prometheus: bool = True,
    gateway_api: bool = True,
    indexes: Indexes | None = None,
    user_secrets: dict[str, dict[str, str]] | None = None,
    settings: dict[str, Any] | None = None,
    **spec: Any,
) -> Site:
    """Return everything that the children of a pipeline depend on."""
    made = pipeline(**spec)
    return Site(
        made,
        indexes or decide(made),
        Settings(**{"cluster_id": "cluster", **(settings or {})}),
        QueueConnection("demo-redis.team", "redis-password"),
        VectorStoreConnection("http://demo-qdrant.team:6333", "qdrant-key"),
        user_secrets or {},
        keda,
        prometheus,
        gateway_api,
    )


def reindexing(pipeline: RagPipeline, **changes: Any) -> Indexes:
    """Return the indexes of a pipeline whose documents are embedded anew for the collection `new`."""
    known = decide(pipeline)
    wanted = known.serving.spec.model_copy(update={"collection": "new", **changes})
    following = IndexStatus(id="team.demo~7", revision=7, slot="b", spec=wanted)
    return known.model_copy(update={"next": following, "decided": 7})


def children(**spec: Any) -> dict[tuple[str, str], Manifest]:
    """Return the children of a pipeline by kind and name."""
    return {(item["kind"], item["metadata"]["name"]): item for item in build(site(**spec))}


def observed(**spec: Any) -> list[Manifest]:
    """Return a pipeline's children as if they had been applied and the API server had added its defaults."""
    made = [deepcopy(stamp(item)) for item in build(site(**spec))]
    for item in made:
        item["metadata"]["uid"] = f"uid-{item['metadata']['name']}"
        if item["kind"] == "Deployment":
            item["spec"].setdefault("replicas", 1)
            item["spec"]["template"]["spec"]["schedulerName"] = "default-scheduler"
        if item["kind"] == "Service":
            item["spec"].setdefault("clusterIP", "10.96.0.7")
    return made


def run(items: list[Manifest], ready: dict[str, int] | None = None) -> list[Manifest]:
    """Give children the status that they have while all is well, but for the ready pods of those named."""
    for item in items:
        name = item["metadata"]["name"]
        if item["kind"] in {"Deployment", "StatefulSet"}:
            wanted = item["spec"].setdefault("replicas", 1)
            item["status"] = {"replicas": wanted, "readyReplicas": (ready or {}).get(name, wanted)}
            item["status"]["updatedReplicas"] = wanted
        if item["kind"] == "PersistentVolumeClaim":
            item["status"] = {"phase": "Bound", "capacity": item["spec"]["resources"]["requests"]}
        if item["kind"] == "ScaledObject":
            item["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    return items


def made_pod(workload: Manifest, **status: Any) -> Manifest:
    """Return a pod that was made from the present template of a workload."""
    metadata = {
        **deepcopy(workload["spec"]["template"]["metadata"]),
        "name": f"{workload['metadata']['name']}-x",
    }
    return {"metadata": metadata, "status": status}


def find(items: list[Manifest], kind: str, name: str) -> Manifest:
    """Return one object of several."""
    return next(item for item in items if (item["kind"], item["metadata"]["name"]) == (kind, name))


def own(item: Manifest, fields: Manifest) -> None:
    """Make the operator the one who wrote some fields last."""
    entry = {"manager": "ragpipeline-operator", "operation": "Update", "fieldsV1": fields}
    item["metadata"]["managedFields"] = [entry]


def pod_of(item: Manifest) -> Manifest:
    """Return the pod's spec in a Deployment or StatefulSet."""
    found: Manifest = item["spec"]["template"]["spec"]
    return found


def env_of(item: Manifest, container: int = 0) -> dict[str, Any]:
    """Return the variables of a container: values, or references to Secrets."""
    variables = pod_of(item)["containers"][container].get("env", [])
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in variables}


def secret_data(item: Manifest) -> dict[str, str]:
    """Return the contents of a Secret."""
    return {key: base64.b64decode(value).decode() for key, value in item["data"].items()}
