"""Each rule of the CRD: a pipeline that it accepts, one that it refuses, and the sentence that one reads."""

from typing import Any

import pytest
import yaml

from tests.cluster.conftest import ROOT
from tests.cluster.kube import MINILM, Kube, Manifest, Refused, pipeline

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
REF = {"name": "keys", "key": "key"}
HOST = "rag.example.com"
WHOLE_HOST = "must be the whole name of a host in lower case, such as rag.example.com"
QDRANT = {"external": {"url": "https://qdrant"}}


def embedding(**managed: Any) -> Manifest:
    return {"model": MINILM, "managed": managed}


def scaling(**autoscaling: Any) -> Manifest:
    return embedding(autoscaling={"maxReplicas": 4, **autoscaling})


def ingress(**parts: Any) -> Manifest:
    return {"expose": {"ingress": {"host": HOST, **parts}}}


def gateway(**parts: Any) -> Manifest:
    return {"expose": {"gateway": {"name": "shared", "hostnames": [HOST], **parts}}}


def key(**parts: Any) -> Manifest:
    return {"name": "web", "secretKeyRef": REF, "scopes": ["query"], **parts}


CREATED: list[tuple[str, Manifest, Manifest]] = [
    (
        "exactly one of managed or external must be set",
        {"queue": {"external": {"urlSecretRef": REF}}},
        {"queue": {"managed": {}, "external": {"urlSecretRef": REF}}},
    ),
    (
        "exactly one of managed or external must be set",
        {"vectorStore": {"collection": "docs", **QDRANT}},
        {"vectorStore": {"collection": "docs"}},
    ),
    (
        "exactly one of managed or external must be set",
        {"embedding": {"model": MINILM, "external": {"url": "http://tei"}}},
        {"embedding": {"model": MINILM}},
    ),
    (
        "exactly one of managed or external must be set",
        {"llm": {"external": {"url": "http://vllm/v1", "model": "m"}}},
        {"llm": {}},
    ),
    (
        "must hold {passages} and {question}: there the passages and the question are put",
        {"llm": {"managed": {"model": "m"}, "promptTemplate": "{passages} {question}"}},
        {"llm": {"managed": {"model": "m"}, "promptTemplate": "Answer: {question}"}},
    ),
    (
        "replicas and autoscaling are mutually exclusive",
        {"embedding": embedding(replicas=2)},
        {"embedding": embedding(replicas=2, autoscaling={"maxReplicas": 3})},
    ),
    (
        "a ReadWriteOnce cache cannot back more than one replica; use ReadWriteMany or drop cache",
        {"embedding": embedding(replicas=2, cache={})},
        {"embedding": embedding(replicas=2, cache={"accessMode": "ReadWriteOnce"})},
    ),
    (
        "minReplicas must not exceed maxReplicas",
        {"embedding": scaling(minReplicas=4)},
        {"embedding": scaling(minReplicas=5)},
    ),
    (
        "chunkOverlap must be smaller than chunkSize",
        {"ingestion": {"chunkSize": 100, "chunkOverlap": 99}},
        {"ingestion": {"chunkSize": 100, "chunkOverlap": 100}},
    ),
    (
        "the key of apiKeySecretRef is called default; give the one in keys another name",
        {"api": {"auth": {"keys": [key(name="default")]}}},
        {"api": {"auth": {"apiKeySecretRef": REF, "keys": [key(name="default")]}}},
    ),
    (
        "must be lower-case letters, digits and dashes, a letter or digit first and last",
        {"api": {"auth": {"apiKeySecretRef": REF, "keys": [key(name="web-1"), key(name="web-2")]}}},
        {"api": {"auth": {"keys": [key(name="web.1")]}}},
    ),
    (
        "must be given by the names of resources: cpu, memory, ephemeral-storage, or a device such as"
        " nvidia.com/gpu",
        {"embedding": embedding(resources={"limits": {"example.com/gpu": 1, "ephemeral-storage": "1Gi"}})},
        {"embedding": embedding(resources={"requests": {"../cpu": 1}})},
    ),
    (
        "maxBatchesInFlight must exceed maxReplicas x targetQueueLength, "
        "or the queue can never ask for all replicas",
        {"embedding": scaling(targetQueueLength=10), "ingestion": {"maxBatchesInFlight": 41}},
        {"embedding": scaling(targetQueueLength=10), "ingestion": {"maxBatchesInFlight": 40}},
    ),
    ("exactly one of ingress or gateway must be set", ingress(), {"expose": {}}),
    (
        "exactly one of ingress or gateway must be set",
        gateway(),
        {"expose": ingress()["expose"] | gateway()["expose"]},
    ),
    (
        "set secretName to the Secret with the certificate, or have cert-manager make it by issuer or "
        "clusterIssuer",
        ingress(tls={"secretName": "certificate"}),
        ingress(tls={}),
    ),
    (
        "set issuer or clusterIssuer, not both",
        ingress(tls={"issuer": "ca", "secretName": "certificate"}),
        ingress(tls={"issuer": "ca", "clusterIssuer": "acme"}),
    ),
    *(
        (
            WHOLE_HOST,
            ingress(),
            ingress(host=host),
        )
        for host in (
            "https://rag.example.com",
            "rag.example.com:8080",
            "rag.example.com/docs",
            "*.example.com",
            "10.0.0.1",
        )
    ),
    (
        WHOLE_HOST,
        gateway(hostnames=[HOST, "localhost"]),
        gateway(hostnames=[HOST, "*.example.com"]),
    ),
    (
        "must be a namespace: lower-case letters, digits and dashes, a letter or digit first and last",
        gateway(namespace="edge"),
        gateway(namespace="edge.example"),
    ),
    (
        "must be given by the names of annotations, such as nginx.ingress.kubernetes.io/limit-rps",
        ingress(annotations={"nginx.ingress.kubernetes.io/limit-rps": "5", "team": "search"}),
        ingress(annotations={"nginx.ingress.kubernetes.io/limit/rps": "5"}),
    ),
]

UPDATED: list[tuple[str, Manifest, Manifest, Manifest]] = [
    (
        "changing embedding.model needs a new vectorStore.collection; vectors of two models cannot share one",
        {},
        {
            "embedding": {"model": "BAAI/bge-m3", "managed": {}},
            "vectorStore": {"collection": "new", "managed": {}},
        },
        {"embedding": {"model": "BAAI/bge-m3", "managed": {}}},
    ),
    *(
        (
            "changing embedding.dimensions needs a new vectorStore.collection; "
            "vectors of two lengths cannot share one",
            {"embedding": {**embedding(), **before}},
            {"embedding": {**embedding(), **after}, "vectorStore": {"collection": "new", "managed": {}}},
            {"embedding": {**embedding(), **after}},
        )
        for before, after in (
            ({"dimensions": 256}, {"dimensions": 128}),
            ({}, {"dimensions": 128}),
            ({"dimensions": 256}, {}),
        )
    ),
    (
        "queue cannot move between managed and external, which would leave its data behind; "
        "make a pipeline of another name and upload the documents to it",
        {"queue": {"managed": {}}},
        {"queue": {"managed": {"retentionPolicy": "Delete"}}},
        {"queue": {"external": {"urlSecretRef": REF}}},
    ),
    (
        "vectorStore cannot move between managed and external, which would leave its data behind; "
        "make a pipeline of another name and upload the documents to it",
        {},
        {"vectorStore": {"collection": "docs", "managed": {"retentionPolicy": "Delete"}}},
        {"vectorStore": {"collection": "docs", **QDRANT}},
    ),
    (
        "a volume can grow but never shrink",
        {"storage": {"managed": {"size": "10Gi"}}},
        {"storage": {"managed": {"size": "11Gi"}}},
        {"storage": {"managed": {"size": "9Gi"}}},
    ),
    (
        "storageClassName cannot change once the volume exists; put it back or make another pipeline",
        {"queue": {"managed": {"storage": {"storageClassName": "fast"}}}},
        {"queue": {"managed": {"storage": {"storageClassName": "fast", "size": "2Gi"}}}},
        {"queue": {"managed": {"storage": {"storageClassName": "slow"}}}},
    ),
    (
        "accessMode cannot change once the volume exists; put it back or make another pipeline",
        {"storage": {"managed": {}}},
        {"storage": {"managed": {"size": "20Gi"}}},
        {"storage": {"managed": {"accessMode": "ReadWriteMany"}}},
    ),
]

BOUNDS: list[tuple[str, Manifest]] = [
    ("spec.api.replicas", {"api": {"replicas": 0}}),
    ("spec.vectorStore.collection", {"vectorStore": {"collection": "No Spaces", "managed": {}}}),
    ("spec.storage.managed.size", {"storage": {"managed": {"size": "a lot"}}}),
    ("spec.api.auth.keys[0].scopes", {"api": {"auth": {"keys": [key(scopes=[])]}}}),
    ("spec.api.auth.keys[0].scopes[0]", {"api": {"auth": {"keys": [key(scopes=["all"])]}}}),
    ("spec.api.auth.keys[0].scopes[1]", {"api": {"auth": {"keys": [key(scopes=["query", "query"])]}}}),
    ("spec.api.auth.keys[0].requestsPerMinute", {"api": {"auth": {"keys": [key(requestsPerMinute=0)]}}}),
    ("spec.api.auth.keys[1]", {"api": {"auth": {"keys": [key(), key()]}}}),
    ("spec.api.auth.keys", {"api": {"auth": {"keys": [key(name=f"k{n}") for n in range(17)]}}}),
    ("spec.ingestion.uploadLimit", {"ingestion": {"uploadLimit": "0"}}),
    ("spec.ingestion.uploadLimit", {"ingestion": {"uploadLimit": "0.5"}}),
    ("spec.ingestion.uploadLimit", {"ingestion": {"uploadLimit": "100m"}}),
    (
        "spec.embedding.managed.resources.limits",
        {"embedding": embedding(resources={"limits": {"cpu": "x"}})},
    ),
    ("spec.embedding.external.url", {"embedding": {"model": MINILM, "external": {"url": "ftp://x"}}}),
    ("spec.expose.ingress.host", {"expose": {"ingress": {}}}),
    ("spec.expose.gateway.hostnames", gateway(hostnames=[])),
    ("spec.expose.gateway.hostnames", gateway(hostnames=[f"h{n}.example.com" for n in range(17)])),
    ("spec.expose.gateway.name", {"expose": {"gateway": {"hostnames": [HOST]}}}),
    ("spec.expose.ingress.annotations", ingress(annotations={f"a{n}": "" for n in range(33)})),
    ("spec.embedding.model", {"embedding": {"managed": {}}}),
]


@pytest.mark.parametrize(("sentence", "accepted", "refused"), CREATED)
def test_a_rule_about_one_pipeline(kube: Kube, sentence: str, accepted: Manifest, refused: Manifest) -> None:
    kube.apply(pipeline(**accepted), "--dry-run=server")
    with pytest.raises(Refused) as error:
        kube.apply(pipeline(**refused), "--dry-run=server")
    assert sentence in str(error.value)


@pytest.mark.parametrize(("sentence", "before", "accepted", "refused"), UPDATED)
def test_a_rule_about_a_change(
    kube: Kube, sentence: str, before: Manifest, accepted: Manifest, refused: Manifest
) -> None:
    kube.apply(pipeline(**before))
    kube.apply(pipeline(**accepted), "--dry-run=server")
    with pytest.raises(Refused) as error:
        kube.apply(pipeline(**refused), "--dry-run=server")
    assert sentence in str(error.value)


@pytest.mark.parametrize(("path", "spec"), BOUNDS)
def test_a_value_out_of_bounds_is_named(kube: Kube, path: str, spec: Manifest) -> None:
    with pytest.raises(Refused) as error:
        kube.apply(pipeline(**spec), "--dry-run=server")
    assert path in str(error.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a" * 41, "metadata.name must be at most 40 characters"),
        (
            "9lives",
            "metadata.name must be lower-case letters, digits and dashes, a letter first and no dash last",
        ),
        (
            "a.b",
            "metadata.name must be lower-case letters, digits and dashes, a letter first and no dash last",
        ),
        (
            "demo-",
            "metadata.name must be lower-case letters, digits and dashes, a letter first and no dash last",
        ),
    ],
)
def test_a_name_that_no_child_could_have_is_refused(kube: Kube, name: str, sentence: str) -> None:
    kube.apply(pipeline(name="a" * 40), "--dry-run=server")
    with pytest.raises(Refused) as error:
        kube.apply(pipeline(name=name), "--dry-run=server")
    assert sentence in str(error.value)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_accepted(kube: Kube, path: Any) -> None:
    said = kube.apply(yaml.safe_load(path.read_text()), "--dry-run=server", "--validate=strict")
    assert "created (server dry run)" in said


def test_a_nested_default_is_filled_in(kube: Kube) -> None:
    kube.apply(pipeline(embedding=scaling(), workers={"replicas": 2}))
    stored = kube.get("ragpipeline", "demo")
    assert stored
    spec = stored["spec"]
    assert spec["queue"]["managed"]["storage"]["size"] == "1Gi"
    assert spec["workers"]["concurrency"] == 1
    assert spec["embedding"]["managed"]["autoscaling"]["scaleDown"]["stabilizationWindowSeconds"] == 180


def test_explain_reads_well(crd: Kube) -> None:
    shown = " ".join(crd("explain", "ragpipeline.spec.embedding.managed.autoscaling").split())
    assert "Scale the pods on their queue." in shown
    assert "targetQueueLength <integer> Batches, waiting and running, for each embedding pod." in shown


def test_a_listing_has_these_columns(kube: Kube) -> None:
    kube.apply(pipeline())
    header = kube("get", "ragp", "-o", "wide").splitlines()[0].split()
    assert header == ["NAME", "READY", "REASON", "EMBED", "QUEUE", "DOCS", "URL", "AGE", "MODEL", "MESSAGE"]
