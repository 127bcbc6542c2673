"""Each rule of the resource: a value that it accepts at its place, and one that it refuses."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from rag_operator.crd import NAME_RULES
from rag_operator.fields import (
    IMAGE_RULE,
    OBJECT_NAME_RULE,
    PRINTABLE_RULE,
    SECRET_KEY_RULE,
    URL_RULE,
)
from rag_operator.rules import EXACTLY_ONE, Rule
from rag_operator.spec.compute import (
    AMOUNTS_RULE,
    DEVICE_REQUEST_RULE,
    DEVICES_RULE,
    LEAST_MEMORY_RULE,
    NAMES_RULE,
    REQUEST_RULE,
)
from rag_operator.spec.expose import (
    ANNOTATION_NAMES_RULE,
    ANNOTATIONS_SIZE_RULE,
    HOST_RULE,
    NAMESPACE_RULE,
)
from rag_operator.spec.llm import FILE_RULE, TEMPLATE_RULE
from rag_operator.spec.service import EACH_ONCE_RULE
from rag_operator.spec.stores import COLLECTION_RULE
from rag_operator.spec.volumes import ACCESS_MODE_RULE, SIZE_RULE, VOLUME_RULES
from tests.specs.places import HOST, MINILM, REF, ruled


class Row(NamedTuple):
    """What a rule accepts at its place, and what it refuses; of a change, also what was there before."""

    place: str
    sentence: str
    accepted: Any
    refused: Any
    before: Any = None


LABEL_64 = "a" * 64
SHA = "sha256:" + "0" * 64
# Wherever these rules stand: what they accept, and what they refuse.
EVERYWHERE: dict[Rule, tuple[list[Any], list[Any]]] = {
    URL_RULE: (
        ["http://tei", "https://user@tei.models:8080/v1", "http://[fd00::1]:80"],
        ["ftp://tei.models", "tei.models:8080", "http://:8080", "http://a b/", "http://tei:99999"],
    ),
    IMAGE_RULE: (
        ["image", "localhost:5000/a/b__c:1.2-x", f"Registry.example.com/a@{SHA}", f"a:1@{SHA}"],
        ["https://a/b", " image", "A/B", "image:", "a//b", f"image:{'a' * 129}", "image@sha256:0"],
    ),
    PRINTABLE_RULE: (["Qwen/Qwen3-32B", "模型 1"], [" model", "model\n", "mo\x00del"]),
    OBJECT_NAME_RULE: (["a", "1.b-c"], ["A", "-a", "a_b", "../a", "a..b", "名"]),
    SECRET_KEY_RULE: (["a", ".a", "A_b-c.d"], [".", "..", "..a", "a/b", "a b"]),
    SIZE_RULE: (
        ["1", "10Gi", "500M", "8191Pi"],
        ["0", "-1Gi", "0.5", "100m", "a lot", "8192Pi", "10 Gi", "Infinity"],
    ),
    NAMES_RULE: (
        [{}, {"cpu": 1, "memory": "1Gi", "ephemeral-storage": "1Gi"}],
        [
            {name: 1}
            for name in (
                "gpu",
                "../cpu",
                "storage",
                "hugepages-2Mi",
                "requests.example.com/gpu",
                "example.com/-gpu",
                f"example.com/{LABEL_64}",
            )
        ],
    ),
    AMOUNTS_RULE: (
        [{"cpu": 2, "memory": 1 << 30}, {"cpu": "0.5", "memory": "1.5Gi"}, {"cpu": "1e-1"}],
        [
            {"cpu": "x"},
            {"cpu": ""},
            {"cpu": "nan"},
            {"memory": "-5Gi"},
            {"memory": "512m"},
            {"memory": "1 Gi"},
            {"ephemeral-storage": "1000n"},
        ],
    ),
    DEVICES_RULE: (
        [{"nvidia.com/gpu": 2}, {"nvidia.com/gpu": "2"}, {"example.com/A_b.c": 1}],
        [{"nvidia.com/gpu": "0.5"}, {"nvidia.com/gpu": "1Ki"}, {"nvidia.com/gpu": "100000"}],
    ),
    LEAST_MEMORY_RULE: (
        [{"memory": "16Mi"}, {"memory": 16 << 20}],
        [{"memory": 512}, {"memory": "15Mi"}, {"memory": 0}],
    ),
    REQUEST_RULE: (
        [
            {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1Gi"}},
            {"requests": {"cpu": 4}},
        ],
        [
            {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}},
            {"requests": {"cpu": 2}, "limits": {"cpu": "1999m"}},
            {"requests": {"ephemeral-storage": "2Gi"}, "limits": {"ephemeral-storage": 1}},
        ],
    ),
    DEVICE_REQUEST_RULE: (
        [
            {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": 1}},
            {"limits": {"nvidia.com/gpu": 2}},
        ],
        [
            {"requests": {"nvidia.com/gpu": 1}},
            {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}},
            {"requests": {"nvidia.com/gpu": 3}, "limits": {"nvidia.com/gpu": "2"}},
        ],
    ),
    HOST_RULE: (
        [HOST, "localhost", f"{LABEL_64[:63]}.example.com"],
        [
            "https://rag.example.com",
            "rag.example.com:8080",
            "rag.example.com/docs",
            "*.example.com",
            "10.0.0.1",
            "Rag.example.com",
            f"{LABEL_64}.example.com",
        ],
    ),
}
# Of a change, wherever these rules stand: what was there before, what they accept, and what they refuse.
EVERY_CHANGE: dict[Rule, tuple[Any, Any, Any]] = {
    VOLUME_RULES[0]: ({"size": "10Gi"}, {"size": "11Gi"}, {"size": "9Gi"}),
    VOLUME_RULES[1]: (
        {"storageClassName": "fast"},
        {"storageClassName": "fast"},
        {"storageClassName": "slow"},
    ),
    ACCESS_MODE_RULE: (
        {"accessMode": "ReadWriteMany"},
        {"accessMode": "ReadWriteMany", "size": "50Gi"},
        {"accessMode": "ReadWriteOnce"},
    ),
}
_KEY = {"name": "web", "secretKeyRef": REF, "scopes": ["query"]}
_QUEUE_ELSEWHERE = {"external": {"urlSecretRef": REF}}
_QDRANT_ELSEWHERE = {"collection": "docs", "external": {"url": "https://qdrant"}}
_BGE = {"model": "BAAI/bge-m3", "managed": {}}
_NEW = {"collection": "new", "managed": {}}
_STAYS = (
    "{} cannot move between managed and external, which would leave its data behind; "
    "make a pipeline of another name and upload the documents to it"
)
_LENGTHS = (
    "changing embedding.dimensions needs a new vectorStore.collection; "
    "vectors of two lengths cannot share one"
)
_IN_FLIGHT = (
    "maxBatchesInFlight must exceed maxReplicas x targetQueueLength, "
    "or the queue can never ask for all replicas"
)
_SCALED = {"model": MINILM, "managed": {"autoscaling": {"maxReplicas": 4, "targetQueueLength": 10}}}


def _dimensions(length: int | None) -> dict[str, Any]:
    return {"embedding": {"model": MINILM, "managed": {}} | ({"dimensions": length} if length else {})}


ROWS = [
    Row("metadata.name", NAME_RULES[0].message, "a" * 40, "a" * 41),
    *(Row("metadata.name", NAME_RULES[1].message, "a-1", name) for name in ("9lives", "a.b")),
    Row(
        "spec",
        "changing embedding.model needs a new vectorStore.collection; vectors of two models cannot share one",
        {"embedding": _BGE, "vectorStore": _NEW},
        {"embedding": _BGE},
        before={},
    ),
    *(
        Row(
            "spec",
            _LENGTHS,
            {**_dimensions(after), "vectorStore": _NEW},
            _dimensions(after),
            _dimensions(was),
        )
        for was, after in ((256, 128), (None, 128), (256, None))
    ),
    Row(
        "spec",
        _IN_FLIGHT,
        {"embedding": _SCALED, "ingestion": {"maxBatchesInFlight": 41}},
        {"embedding": _SCALED, "ingestion": {"maxBatchesInFlight": 40}},
    ),
    Row(
        "spec.images.pullSecrets", EACH_ONCE_RULE.message, [{"name": "a"}, {"name": "b"}], [{"name": "a"}] * 2
    ),
    Row(
        "spec.api.auth",
        "the key of apiKeySecretRef is called default; give the one in keys another name",
        {"keys": [{**_KEY, "name": "default"}]},
        {"apiKeySecretRef": REF, "keys": [{**_KEY, "name": "default"}]},
    ),
    *(
        Row(
            "spec.api.auth.keys[].name",
            "must be lower-case letters, digits and dashes, a letter or digit first and last",
            "web-1",
            name,
        )
        for name in ("web.1", "-web", "Web")
    ),
    Row(
        "spec.ingestion",
        "chunkOverlap must be smaller than chunkSize",
        {"chunkSize": 100, "chunkOverlap": 99},
        {"chunkSize": 100, "chunkOverlap": 100},
    ),
    Row("spec.queue", EXACTLY_ONE.message, _QUEUE_ELSEWHERE, {"managed": {}, **_QUEUE_ELSEWHERE}),
    Row(
        "spec.queue",
        _STAYS.format("queue"),
        {"managed": {"retentionPolicy": "Delete"}},
        _QUEUE_ELSEWHERE,
        {"managed": {}},
    ),
    Row("spec.vectorStore", EXACTLY_ONE.message, _QDRANT_ELSEWHERE, {"collection": "docs"}),
    Row(
        "spec.vectorStore",
        _STAYS.format("vectorStore"),
        _NEW,
        _QDRANT_ELSEWHERE,
        {**_NEW, "collection": "docs"},
    ),
    *(
        Row("spec.vectorStore.collection", COLLECTION_RULE.message, name, refused)
        for name, refused in (("a", "A b"), ("a_b-1", "_a"), ("1", "a-"))
    ),
    Row(
        "spec.embedding",
        EXACTLY_ONE.message,
        {"model": MINILM, "external": {"url": "http://tei"}},
        {"model": MINILM},
    ),
    Row(
        "spec.embedding.managed",
        "replicas and autoscaling are mutually exclusive",
        {"replicas": 2},
        {"replicas": 2, "autoscaling": {"maxReplicas": 3}},
    ),
    Row(
        "spec.embedding.managed",
        "a ReadWriteOnce cache cannot back more than one replica; use ReadWriteMany or drop cache",
        {"replicas": 2, "cache": {}},
        {"replicas": 2, "cache": {"accessMode": "ReadWriteOnce"}},
    ),
    Row(
        "spec.embedding.managed.autoscaling",
        "minReplicas must not exceed maxReplicas",
        {"minReplicas": 4, "maxReplicas": 4, "targetQueueLength": 20},
        {"minReplicas": 5, "maxReplicas": 4, "targetQueueLength": 20},
    ),
    Row("spec.llm", EXACTLY_ONE.message, {"external": {"url": "http://vllm/v1", "model": "m"}}, {}),
    *(
        Row("spec.llm.managed.modelFile", FILE_RULE.message, "Q4_K-m.gguf", name)
        for name in ("../a", "-a", "a b", ".a")
    ),
    Row("spec.llm.promptTemplate", TEMPLATE_RULE.message, "{passages}\n$$ {question}", "Answer: {question}"),
    Row("spec.expose", "exactly one of ingress or gateway must be set", {"ingress": {"host": HOST}}, {}),
    Row(
        "spec.expose.ingress",
        "set className or the annotation kubernetes.io/ingress.class, not both",
        {"host": HOST, "annotations": {"kubernetes.io/ingress.class": "nginx"}},
        {"host": HOST, "className": "nginx", "annotations": {"kubernetes.io/ingress.class": "nginx"}},
    ),
    *(
        Row(
            "spec.expose.ingress.annotations",
            ANNOTATION_NAMES_RULE.message,
            {"nginx.ingress.kubernetes.io/limit-rps": "5", "Team": "search"},
            {name: ""},
        )
        for name in ("a/b/c", "-a", "a b", f"example.com/{LABEL_64}", "/a")
    ),
    Row(
        "spec.expose.ingress.annotations",
        ANNOTATIONS_SIZE_RULE.message,
        {f"a{number}": "名" * 4000 for number in range(14)},
        {f"a{number}": "名" * 4000 for number in range(15)},
    ),
    Row(
        "spec.expose.ingress.tls",
        "set secretName to the Secret with the certificate, or have cert-manager make it by issuer or "
        "clusterIssuer",
        {"secretName": "certificate"},
        {},
    ),
    Row(
        "spec.expose.ingress.tls",
        "set issuer or clusterIssuer, not both",
        {"issuer": "ca", "secretName": "certificate"},
        {"issuer": "ca", "clusterIssuer": "acme"},
    ),
    *(
        Row("spec.expose.gateway.namespace", NAMESPACE_RULE.message, "edge", name)
        for name in ("edge.example", "Edge", "-edge")
    ),
]


def rows() -> Iterator[Row]:
    """Yield the rows of every rule at every place, in the order of the resource."""
    everywhere = {rule.message: values for rule, values in EVERYWHERE.items()}
    changes = {rule.message: values for rule, values in EVERY_CHANGE.items()}
    for place, sentence in ruled():
        yield from (row for row in ROWS if (row.place, row.sentence) == (place, sentence))
        if sentence in changes:
            before, accepted, refused = changes[sentence]
            yield Row(place, sentence, accepted, refused, before)
        # All values at the first place of a rule, and one of each at the others.
        accepted_ones, refused_ones = everywhere.get(sentence, ([], []))
        for number in range(max(len(accepted_ones), len(refused_ones))):
            some = (values[number % len(values)] for values in (accepted_ones, refused_ones))
            yield Row(place, sentence, *some)
        everywhere[sentence] = (accepted_ones[:1], refused_ones[:1])
