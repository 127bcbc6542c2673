"""Each place of the resource's schema, and specs in which every place has a value.

A place is called as the API server calls it, but for lists: `spec.api.auth.keys[].name`.
"""

import json
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

from rag_operator.crd import custom_resource_definition

Manifest = dict[str, Any]
SCHEMA: Manifest = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
REF = {"name": "keys", "key": "key"}
HOST = "rag.example.com"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
SMOLLM = "HuggingFaceTB/SmolLM2-135M-Instruct"
IMAGE = "registry.example.com/team/image:1.2"
RESOURCES = {
    "requests": {"cpu": "100m", "memory": "16Mi"},
    "limits": {"memory": "2Gi", "ephemeral-storage": "2Gi", "nvidia.com/gpu": 1},
}
MINIMAL: Manifest = {
    "vectorStore": {"collection": "docs", "managed": {}},
    "embedding": {"model": MINILM, "managed": {}},
}
_VOLUME = {"size": "10Gi", "storageClassName": "fast"}
_SHARED = {**_VOLUME, "accessMode": "ReadWriteMany"}

HERE: Manifest = {
    "suspend": False,
    "images": {
        "pullPolicy": "IfNotPresent",
        "pullSecrets": [{"name": "registry"}],
        **dict.fromkeys(
            ("api", "worker", "workerOcr", "embedding", "llm", "redis", "qdrant", "llamaServer"), IMAGE
        ),
    },
    "api": {
        "replicas": 2,
        "auth": {
            "apiKeySecretRef": REF,
            "keys": [{"name": "web", "secretKeyRef": REF, "scopes": ["query"], "requestsPerMinute": 60}],
        },
        "resources": RESOURCES,
    },
    "workers": {"replicas": 2, "concurrency": 2, "resources": RESOURCES},
    "ingestion": {
        "chunkSize": 256,
        "chunkOverlap": 16,
        "batchSize": 16,
        "maxBatchesInFlight": 100,
        "retries": 3,
        "retryDelaySeconds": 5,
        "timeLimitSeconds": 600,
        "ocr": False,
        "uploadLimit": "100Mi",
    },
    "queue": {"managed": {"storage": _VOLUME, "retentionPolicy": "Delete", "resources": RESOURCES}},
    "vectorStore": {
        "collection": "docs",
        "indexGraceSeconds": 60,
        "managed": {"storage": _VOLUME, "retentionPolicy": "Delete", "resources": RESOURCES},
    },
    "embedding": {
        "model": MINILM,
        "dimensions": 256,
        "modelResources": RESOURCES,
        "managed": {
            "modelImage": IMAGE,
            "cache": _SHARED,
            "autoscaling": {
                "minReplicas": 1,
                "maxReplicas": 4,
                "targetQueueLength": 20,
                "activationQueueLength": 0,
                "pollingIntervalSeconds": 15,
                "cooldownSeconds": 300,
                "scaleUp": {"stabilizationWindowSeconds": 0, "percent": 100, "pods": 2, "periodSeconds": 15},
                "scaleDown": {"stabilizationWindowSeconds": 180, "pods": 1, "periodSeconds": 60},
            },
            "concurrency": 2,
            "batchTimeoutSeconds": 60,
            "resources": RESOURCES,
        },
    },
    "llm": {
        "managed": {
            "model": SMOLLM,
            "modelImage": IMAGE,
            "modelFile": "model.gguf",
            "contextLength": 2048,
            "parallel": 2,
            "replicas": 1,
            "resources": RESOURCES,
            "modelResources": RESOURCES,
        },
        "resources": RESOURCES,
        "promptTemplate": "{passages} {question}",
        "maxTokens": 256,
        "temperature": 0.5,
    },
    "retrieval": {
        "topK": 5,
        "mode": "hybrid",
        "candidates": 20,
        "rerank": True,
        "reranker": {
            "url": "http://reranker.models:8080",
            "apiKeySecretRef": REF,
            "batchSize": 8,
            "timeoutSeconds": 5,
        },
        "neighbours": 1,
        "scores": True,
        "scoreThreshold": 0.1,
        "contextCharacters": 4000,
    },
    "storage": {"managed": {**_SHARED, "retentionPolicy": "Delete"}},
    "expose": {
        "ingress": {
            "className": "nginx",
            "host": HOST,
            "annotations": {"nginx.ingress.kubernetes.io/limit-rps": "5"},
            "tls": {"secretName": "certificate", "issuer": "ca"},
        }
    },
    "monitoring": {
        "tracing": {
            "otlpEndpoint": "http://otel-collector.observability:4318",
            "sampleRatio": 0.5,
            "headersSecretRef": REF,
        }
    },
}
"""All that a pipeline can have with everything run by the operator."""

ELSEWHERE: Manifest = {
    "queue": {"external": {"urlSecretRef": {"name": "keys", "key": "redis"}}},
    "vectorStore": {
        "collection": "docs",
        "external": {"url": "https://qdrant.example.com:6333", "apiKeySecretRef": REF},
    },
    "embedding": {
        "model": MINILM,
        "external": {
            "url": "http://tei.models:8080",
            "apiKeySecretRef": REF,
            "replicas": 2,
            "resources": RESOURCES,
        },
    },
    "llm": {
        "external": {
            "url": "http://vllm.models:8000/v1",
            "model": "qwen",
            "apiKeySecretRef": REF,
            "replicas": 2,
        },
    },
    "expose": {
        "gateway": {
            "name": "shared",
            "namespace": "edge",
            "sectionName": "https",
            "hostnames": [HOST],
        }
    },
}
"""With everything that can run elsewhere there."""

OTHERWISE: Manifest = {
    **MINIMAL,
    "embedding": {"model": MINILM, "managed": {"replicas": 2}},
    "expose": {"ingress": {"host": HOST, "tls": {"clusterIssuer": "acme"}}},
}
"""With what cannot be set beside something in the first one."""

SPECS = (HERE, ELSEWHERE, OTHERWISE)


def pipeline(spec: Manifest, name: str = "demo") -> Manifest:
    """Return a RagPipeline."""
    kind = {"apiVersion": "ragpipeline.dev/v1alpha1", "kind": "RagPipeline"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def nodes(schema: Manifest = SCHEMA, place: str = "") -> Iterator[tuple[str, Manifest]]:
    """Yield each place with its schema: an object before its fields, a list before its items."""
    yield place, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{place}.{name}".lstrip("."))
    if "items" in schema:
        yield from nodes(schema["items"], f"{place}[]")


def fields() -> list[tuple[str, Manifest]]:
    """Return each place below the spec with its schema."""
    return [(place, schema) for place, schema in nodes() if place.startswith("spec.")]


def ruled() -> Iterator[tuple[str, str]]:
    """Yield each rule of the resource: where it stands, and its sentence."""
    for place, schema in nodes():
        for rule in schema.get("x-kubernetes-validations", []):
            yield place or "metadata.name", rule["message"]


def placed(place: str, value: Any) -> Manifest:
    """Return a pipeline with a value at a place, and others around it that can be there with it.

    At the spec itself and at its name they are few. Raises LookupError if no spec has such a place.
    """
    if place == "metadata.name":
        return pipeline(_copy(MINIMAL), value)
    if place == "spec":
        return pipeline({**_copy(MINIMAL), **value})
    for spec in SPECS:
        found = pipeline(_copy(spec))
        way: list[Any] = [
            int(step) if step.isdigit() else step for step in place.replace("[]", ".0").split(".")
        ]
        last = way.pop()
        try:
            parent: Any = reduce(getitem, way, found)
            parent[last]  # one that has a value there can have another
        except LookupError:
            continue
        parent[last] = value
        return found
    raise LookupError(place)


def _copy(spec: Manifest) -> Manifest:
    """Return a copy in which no two places share an object."""
    copied: Manifest = json.loads(json.dumps(spec))
    return copied
