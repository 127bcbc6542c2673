"""The API is ready when it can do something, and says what it cannot do."""

from pathlib import Path

import pytest
from tests.integration.api_process import client, lone_api


@pytest.mark.parametrize("there", ["redis", "vector_store"])
def test_one_of_redis_and_qdrant_is_enough(
    redis_server: str, qdrant_url: str, tmp_path: Path, there: str
) -> None:
    settings = {"redis": {"REDIS_URL": redis_server}, "vector_store": {"QDRANT_URL": qdrant_url}}[there]
    with lone_api(STORAGE_URL=f"file://{tmp_path}", **settings) as url, client(url) as caller:
        assert caller.get("/ready").status_code == 200
        health = caller.get("/health")
        assert health.status_code == 503
        parts = health.json()["parts"]
        assert [part for part, state in parts.items() if state == "ok"] == [there]
        assert set(parts) == {"redis", "vector_store", "embedding"}


def test_with_neither_it_is_not_ready_and_says_why(tmp_path: Path) -> None:
    with lone_api(STORAGE_URL=f"file://{tmp_path}", probe="/live") as url, client(url) as caller:
        ready = caller.get("/ready")
        assert (ready.status_code, ready.json()["type"]) == (503, "urn:ragpipeline:problem:not-ready")
        assert ready.json()["detail"]
        documents = caller.get("/api/v1/documents")
        assert documents.json()["type"] == "urn:ragpipeline:problem:queue-unavailable"


def test_without_redis_there_are_no_counts(qdrant_url: str, tmp_path: Path) -> None:
    with lone_api(STORAGE_URL=f"file://{tmp_path}", QDRANT_URL=qdrant_url) as url, client(url) as caller:
        stats = caller.get("/api/v1/stats")
    assert (stats.status_code, stats.json()["part"]) == (503, "queue")
