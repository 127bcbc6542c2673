"""What the operator makes of the API's answer."""

from typing import Any

import httpx
import pytest
from tests.unit.pipelines import find, made_pod, observed, pipeline

from rag_contract.stats import ComponentProblem, QueueStats, Stats
from rag_operator.evidence import Observed
from rag_operator.stats import Told, ask, question_for, told
from rag_workloads.web.problems import Problem, Unavailable

AWAY = ComponentProblem(component="vector-store", reason="VectorStoreAway", message="it refuses connections")
STATS = Stats(
    documents={"completed": 9},
    searchable=7,
    collection="docs",
    queue=QueueStats(ingest=1, embed=2),
    embedding_model="m",
    problems=[AWAY],
)


def answer(status: int, body: Any) -> httpx.Response:
    return httpx.Response(status, json=body, request=httpx.Request("GET", "http://demo-api.team:8000"))


def test_the_key_goes_to_the_address_of_the_pipelines_own_service_alone() -> None:
    key = {"auth": {"apiKeySecretRef": {"name": "keys", "key": "api"}}}
    seen = observed(api=key)
    find(seen, "Deployment", "demo-api")["status"] = {"readyReplicas": 1}
    question = question_for(pipeline(api=key), Observed(seen), {"keys": {"api": "secret"}})
    assert question == ("http://10.96.0.7:8000/api/v1/stats", "secret", False)
    others = [each for each in seen if each["kind"] != "Service"]
    assert question_for(pipeline(api=key), Observed(others), {"keys": {"api": "secret"}}) is None


def test_counts_and_problems_are_read_as_they_were_written() -> None:
    assert told(answer(200, STATS.model_dump(mode="json"))) == Told(STATS, [AWAY])


def test_an_api_without_redis_has_no_counts_but_says_why() -> None:
    found = told(answer(503, Unavailable("queue", "connection refused").body()))
    away = ComponentProblem(component="redis", reason="RedisAway", message="connection refused")
    assert found == Told(problems=[away])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, []),
        (401, Problem(401, "unauthorized", "Unauthorized", "Send the API key.").body()),
        (503, ["no", "problem"]),
    ],
)
def test_any_other_answer_tells_nothing(status: int, body: Any) -> None:
    assert told(answer(status, body)) == Told()


@pytest.mark.parametrize(
    ("reply", "problems"),
    [
        (
            answer(503, Problem(503, "not-ready", "Not ready", "Redis: no such host; Qdrant: 401").body()),
            [("api", "NotReady", "Redis: no such host; Qdrant: 401", True)],
        ),
        (answer(200, {"status": "ok"}), []),  # it became ready a moment ago
        (answer(503, ["no", "problem"]), []),
    ],
)
async def test_a_pod_of_the_api_says_itself_why_it_is_not_ready(
    reply: httpx.Response, problems: list[tuple[str, str, str, bool]]
) -> None:
    asked = []

    def take(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return reply

    seen = observed()
    api = find(seen, "Deployment", "demo-api")
    pods = [made_pod(api), made_pod(api, podIP="fd00::7")]
    question = question_for(pipeline(), Observed(seen, pods), {})
    assert question
    async with httpx.AsyncClient(transport=httpx.MockTransport(take)) as client:
        found = await ask(client, question)
    assert asked == ["http://[fd00::7]:8000/ready"]
    told_of = [(each.component, each.reason, each.message, each.starting) for each in found.problems]
    assert told_of == problems
