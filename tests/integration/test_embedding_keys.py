"""The embedding service as it is reached from outside: the same routes, for whoever has a key."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.integration.api_process import client, problem
from tests.integration.conftest import MODEL
from tests.integration.service_process import running
from tests.patience import patient
from tests.ports import free_port

from rag_contract.endpoints import EMBEDDING_PATH

KEYS = [
    {"name": "asker", "scopes": ["query"], "variable": "API_KEY_0"},
    {"name": "loader", "scopes": ["ingest"], "variable": "API_KEY_1"},
    {"name": "slow", "scopes": ["query"], "requests_per_minute": 2, "variable": "API_KEY_2"},
]
VALUES = {"API_KEY_0": "ask", "API_KEY_1": "load", "API_KEY_2": "slow"}
ROUTES = [
    ("/embed", {"text": "a"}),
    ("/embed/batch", {"texts": ["a"]}),
    ("/", {"inputs": "a"}),
    ("/v1/embeddings", {"input": "a"}),
    ("/tokenize", {"inputs": "a"}),
]


@pytest.fixture(scope="module")
def url(redis_server: str, qdrant_url: str, model_folder: Path, collection: str) -> Iterator[str]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = {
        "PIPELINE": "tests.keys",
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "QDRANT_COLLECTION": collection,
        "EMBEDDING_MODEL": MODEL,
        "MODEL_PATH": str(model_folder),
        "API_KEYS": json.dumps(KEYS),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        **VALUES,
    }
    with running("rag_workloads.embedding", env=env, probe=f"{url}/ready"):
        yield url


def ask(url: str, key: str | None, path: str = "/embed") -> httpx.Response:
    with client(url, key) as http:
        return http.post(EMBEDDING_PATH + path, json=dict(ROUTES)[path])


@pytest.mark.parametrize("path", [path for path, _ in ROUTES])
def test_each_route_asks_for_a_key_there_and_for_none_at_the_root(url: str, path: str) -> None:
    assert problem(ask(url, None, path)) == (401, "unauthorized")
    assert problem(ask(url, "load", path)) == (403, "forbidden")
    inside, outside = patient.post(url + path, json=dict(ROUTES)[path]), ask(url, "ask", path)
    assert inside.status_code == outside.status_code == 200
    assert outside.content == inside.content


def test_health_asks_for_one_too(url: str) -> None:
    with client(url) as stranger, client(url, "ask") as asker:
        assert stranger.get(f"{EMBEDDING_PATH}/health").status_code == 401
        assert asker.get(f"{EMBEDDING_PATH}/health").status_code == patient.get(f"{url}/health").status_code


def test_too_many_requests_are_refused(url: str) -> None:
    answers = [ask(url, "slow") for _ in range(3)]
    assert problem(answers[-1]) == (429, "rate-limited")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


def test_metrics_name_the_key(url: str) -> None:
    ask(url, "load")
    assert 'api_key_requests_total{key="loader",outcome="forbidden"}' in patient.get(f"{url}/metrics").text


def test_metrics_tell_requests_from_outside_from_the_pipelines_own(url: str) -> None:
    ask(url, "ask")
    told = 'http_requests_total{endpoint="/api/v1/embedding/embed",method="POST",status="200"}'
    assert told in patient.get(f"{url}/metrics").text
