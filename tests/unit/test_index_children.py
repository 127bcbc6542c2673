"""The children of the indexes of a pipeline: of the one that answers, and of the next."""

import json

import pytest
from tests.unit.pipelines import (
    AUTOSCALED,
    MANAGED_LLM,
    MINILM,
    children,
    env_of,
    pipeline,
    pod_of,
    reindexing,
)

from rag_operator.names import Manifest
from rag_operator.spec.embedding import EmbeddingServer

CACHED = {"model": "BAAI/bge-m3", "managed": {"cache": {"accessMode": "ReadWriteOnce"}}}
FULL: Manifest = {"embedding": AUTOSCALED, "llm": MANAGED_LLM}
REINDEXING: Manifest = {"embedding": AUTOSCALED, "indexes": reindexing(pipeline(embedding=AUTOSCALED))}


def test_data_has_an_owner_and_a_collection_that_is_told_from_earlier_ones() -> None:
    made = children(**FULL)
    for part in ("api", "worker", "embedding"):
        variables = env_of(made["Deployment", f"demo-{part}"])
        assert variables["OWNER"] == "cluster/team/demo"
        assert (variables["QDRANT_COLLECTION"], variables["COLLECTION_REVISION"]) == ("docs", "3")


def test_an_index_that_is_next_has_pods_of_its_own() -> None:
    before, now = children(embedding=AUTOSCALED), children(**REINDEXING)
    assert now.keys() - before.keys() == {
        *((kind, "demo-embedding-b") for kind, name in before if name == "demo-embedding"),
        *((kind, "demo-worker-b") for kind, name in before if name == "demo-worker"),
    }
    changed = {each for each, made in before.items() if now[each] != made}
    assert changed == {
        ("Deployment", "demo-api"),
        ("NetworkPolicy", "demo-redis"),
        ("NetworkPolicy", "demo-qdrant"),
    }


@pytest.mark.parametrize("part", ["worker", "embedding"])
def test_pods_of_an_index_are_told_its_keys_and_its_collection(part: str) -> None:
    now = children(**REINDEXING)
    one, other = (env_of(now["Deployment", f"demo-{part}{slot}"]) for slot in ("", "-b"))
    assert {name: (one[name], other[name]) for name in one if one[name] != other[name]} == {
        "PIPELINE": ("team.demo", "team.demo~7"),
        "QDRANT_COLLECTION": ("docs", "new"),
        "COLLECTION_REVISION": ("3", "7"),
    }
    assert one.keys() == other.keys()


def test_what_every_index_has_selects_its_own_pods_and_counts_its_own_queue() -> None:
    now = children(**REINDEXING)
    labels = now["Deployment", "demo-embedding-b"]["spec"]["template"]["metadata"]["labels"]
    selector = now["Service", "demo-embedding-b"]["spec"]["selector"]
    assert selector.items() <= labels.items()
    assert selector != now["Service", "demo-embedding"]["spec"]["selector"]
    (trigger,) = now["ScaledObject", "demo-embedding-b"]["spec"]["triggers"]
    assert trigger["metadata"]["listName"] == "team.demo~7:embed"
    assert trigger["authenticationRef"]["name"] == "demo-embedding-b"


def test_the_api_is_told_which_index_is_next() -> None:
    before, now = (env_of(children(**each)["Deployment", "demo-api"]) for each in ({}, REINDEXING))
    assert json.loads(now["NEXT_INDEX"]) == {
        "id": "team.demo~7",
        "collection": "new",
        "embedding_url": "http://demo-embedding-b.team:8003",
        "embedding_model": MINILM,
    }
    assert (before["INDEXES_DECIDED"], now["INDEXES_DECIDED"]) == ("3", "7")
    assert "NEXT_INDEX" not in before
    shared = before.keys() - {"INDEXES_DECIDED"}
    assert {name: now[name] for name in shared} == {name: before[name] for name in shared}


def test_an_index_keeps_its_model_whoever_runs_the_specs() -> None:
    server = {"url": "http://tei", "apiKeySecretRef": {"name": "k", "key": "k"}}
    changes = {"external": EmbeddingServer.model_validate(server), "embedding_model": "BAAI/bge-m3"}
    now = children(embedding=AUTOSCALED, indexes=reindexing(pipeline(embedding=AUTOSCALED), **changes))
    feeder = now["Deployment", "demo-embedding-b"]
    variables = env_of(feeder)
    assert (variables["ENGINE"], variables["ENGINE_URL"]) == ("tei", "http://tei")
    assert (env_of(now["Deployment", "demo-worker-b"])["EMBEDDING_MODEL"]) == "BAAI/bge-m3"
    assert feeder["spec"]["replicas"] == 2  # as many as the API has
    assert ("ScaledObject", "demo-embedding-b") not in now
    assert "initContainers" in pod_of(now["Deployment", "demo-embedding"])


def test_an_index_that_is_run_here_is_scaled_as_before_while_the_next_one_s_server_is_elsewhere() -> None:
    before = children(embedding=AUTOSCALED)
    server = {"url": "http://tei"}
    elsewhere = pipeline(embedding={"model": "BAAI/bge-m3", "external": server})
    changes = {"external": EmbeddingServer.model_validate(server), "embedding_model": "BAAI/bge-m3"}
    indexes = reindexing(pipeline(embedding=AUTOSCALED), **changes)
    now = children(embedding=elsewhere.spec.embedding.model_dump(by_alias=True), indexes=indexes)
    for key in (("Deployment", "demo-embedding"), ("ScaledObject", "demo-embedding")):
        assert now[key]["spec"] == before[key]["spec"]
    assert now["Deployment", "demo-embedding-b"]["spec"]["replicas"] == 2  # as many as the API has
    assert ("ScaledObject", "demo-embedding-b") not in now
    assert now["NetworkPolicy", "demo-redis"]["spec"]["ingress"][0]["from"][-1]["podSelector"] == {
        "matchLabels": {"app": "keda-operator"}
    }


def test_each_index_has_a_cache_of_its_own() -> None:
    now = children(embedding=CACHED, indexes=reindexing(pipeline(embedding=CACHED)))
    for name in ("demo-model-cache", "demo-model-cache-b"):
        assert ("PersistentVolumeClaim", name) in now
    volumes = pod_of(now["Deployment", "demo-embedding-b"])["volumes"]
    assert {"claimName": "demo-model-cache-b"} in [each.get("persistentVolumeClaim") for each in volumes]
