"""Who may do what: keys, their scopes and their rate limits, before a real Redis."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.integration.api_process import client, lone_api
from tests.integration.redis_process import redis_process
from tests.patience import patient

KEYS = [
    {"name": "asker", "scopes": ["query"], "variable": "API_KEY_0"},
    {"name": "loader", "scopes": ["ingest"], "variable": "API_KEY_1"},
    {"name": "root", "scopes": ["admin"], "variable": "API_KEY_2"},
    {"name": "emptied", "scopes": ["admin"], "variable": "API_KEY_3"},
    {"name": "slow", "scopes": ["query"], "requests_per_minute": 3, "variable": "API_KEY_4"},
    {"name": "patient", "scopes": ["query"], "requests_per_minute": 2, "variable": "API_KEY_5"},
]
SENT = ["ask", "load", "all", "", "slow", "patient"]
VALUES = {f"API_KEY_{index}": value for index, value in enumerate(SENT)}
FORBIDDEN, ASKED = "urn:ragpipeline:problem:forbidden", "urn:ragpipeline:problem:validation"


@pytest.fixture(scope="module")
def api(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("objects")
    settings = {"REDIS_URL": redis_server, "STORAGE_URL": f"file://{folder}", "API_KEY": "old"}
    with lone_api(API_KEYS=json.dumps(KEYS), **VALUES, **settings) as url:
        yield url


def ask(url: str, key: str | None) -> httpx.Response:
    """A question that is none: what is answered shows whether the key let it through."""
    with client(url, key) as caller:
        return caller.post("/api/v1/query", json={})


@pytest.mark.parametrize(
    ("key", "may_ask", "may_load"),
    [("ask", True, False), ("load", False, True), ("all", True, True), ("old", True, True)],
)
def test_a_key_allows_what_its_scopes_say(api: str, key: str, may_ask: bool, may_load: bool) -> None:
    assert ask(api, key).json()["type"] == (ASKED if may_ask else FORBIDDEN)
    with client(api, key) as caller:
        assert caller.get("/api/v1/stats").status_code == 200
        documents = caller.get("/api/v1/documents")
    assert documents.status_code == (200 if may_load else 403)


def test_a_refusal_names_the_missing_scope(api: str) -> None:
    problem = ask(api, "load").json()
    assert (problem["type"], problem["status"], problem["scope"]) == (FORBIDDEN, 403, "query")
    assert problem["detail"] == "The key 'loader' lacks the scope 'query'."


@pytest.mark.parametrize("key", [None, "", "wrong", "ASK", "ask "])
def test_other_keys_open_nothing_and_neither_does_an_empty_one(api: str, key: str | None) -> None:
    with client(api) as caller:
        answer = caller.get("/api/v1/stats", headers={} if key is None else {"X-API-Key": f"{key}x"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert caller.get("/api/v1/stats", headers={"X-API-Key": ""}).status_code == 401


def test_too_many_requests_are_refused_until_the_window_has_room(api: str) -> None:
    answers = [ask(api, "slow") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]
    refused = answers[-1]
    assert refused.json()["type"] == "urn:ragpipeline:problem:rate-limited"
    assert refused.json()["detail"] == "The key 'slow' may send 3 requests a minute."
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert ask(api, "ask").status_code == 422, "another key has its own window"
    with client(api, "slow") as caller:
        assert caller.get("/api/v1/stats").status_code == 200, "the operator asks with a user's key"


def test_statistics_cost_a_key_nothing(api: str) -> None:
    with client(api, "patient") as caller:
        assert [caller.get("/api/v1/stats").status_code for _ in range(3)] == [200] * 3
    assert [ask(api, "patient").status_code for _ in range(3)] == [422, 422, 429]


def test_metrics_name_the_key_and_never_its_value(api: str) -> None:
    ask(api, "ask")
    ask(api, "load")
    ask(api, "guessed")
    metrics = patient.get(f"{api}/metrics").text
    for labels in ('key="asker",outcome="allowed"', 'key="loader",outcome="forbidden"'):
        assert f"api_key_requests_total{{{labels.split(',')[0]}," in metrics
        assert labels in metrics
    assert 'key="",outcome="unauthorized"' in metrics
    assert "guessed" not in metrics


def test_while_redis_is_away_no_rate_limit_refuses(qdrant_url: str, tmp_path: Path) -> None:
    redis = redis_process()
    redis.start()
    settings = {"REDIS_URL": redis.connection_url, "QDRANT_URL": qdrant_url}
    storage = {"STORAGE_URL": f"file://{tmp_path}"}
    with lone_api(API_KEYS=json.dumps(KEYS), **VALUES, **settings, **storage) as url:
        assert [ask(url, "slow").status_code for _ in range(4)][-1] == 429
        redis.terminate()
        assert [ask(url, "slow").status_code for _ in range(4)] == [422] * 4


@pytest.mark.parametrize("settings", [{"API_KEY": ""}, {"API_KEYS": "[]"}])
def test_a_key_that_is_configured_and_empty_refuses_everything(
    redis_server: str, tmp_path: Path, settings: dict[str, str]
) -> None:
    with lone_api(REDIS_URL=redis_server, STORAGE_URL=f"file://{tmp_path}", **settings) as url:
        assert ask(url, None).status_code == 401
        assert patient.get(f"{url}/api/v1/stats", headers={"X-API-Key": ""}).status_code == 401
