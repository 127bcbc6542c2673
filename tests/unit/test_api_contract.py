"""What the API says of itself, and how it refuses what is no question; without the parts behind it."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from rag_contract.environment.api import ApiSettings
from rag_workloads.api.main import create_app
from rag_workloads.api.serving import parts_at_hand, parts_now, serving_of

# What a key must allow.
SCOPES = {
    "post /documents/upload": ["ingest"],
    "get /documents/upload/status/{task_id}": ["ingest"],
    "get /batches/{batch_id}": ["ingest"],
    "get /documents": ["ingest"],
    "delete /documents": ["ingest"],
    "post /documents/retry": ["ingest"],
    "get /documents/{document_id}": ["ingest"],
    "delete /documents/{document_id}": ["ingest"],
    "patch /documents/{document_id}": ["ingest"],
    "post /documents/{document_id}/cancel": ["ingest"],
    "post /documents/{document_id}/retry": ["ingest"],
    "get /documents/{document_id}/chunks": ["ingest"],
    "get /documents/{document_id}/events": ["ingest"],
    "get /events": ["ingest"],
    "get /documents/{document_id}/file": ["ingest"],
    "head /documents/{document_id}/file": ["ingest"],
    "post /query": ["query"],
    "post /retrieve": ["query"],
    "get /stats": [],
    "get /activity": ["ingest"],
    "get /reindex": ["ingest"],
    "post /reindex/retry": ["ingest"],
    "get /sweep": ["admin"],
    "post /sweep": ["admin"],
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        ApiSettings(
            pipeline="p",
            redis_url="redis://localhost",
            qdrant_url="http://localhost",
            qdrant_collection="c",
            storage_url="file:///nowhere",
            embedding_url="http://localhost",
            embedding_model="m",
        )
    )
    for opened in (serving_of, parts_now, parts_at_hand):
        app.dependency_overrides[opened] = lambda: None
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_the_schema_says_what_is_sent_and_answered(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    assert {"HTTPBearer", "APIKeyHeader"} == set(schema["components"]["securitySchemes"])
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    operations: dict[str, Any] = {
        f"{method} {path.removeprefix('/api/v1')}": operation
        for path, methods in schema["paths"].items()
        if not path.startswith("/v1/")  # of another protocol: test_openai
        for method, operation in methods.items()
    }
    parameters = [p for operation in operations.values() for p in operation.get("parameters", [])]
    headers = {parameter["name"] for parameter in parameters if parameter["in"] == "header"}
    assert headers == {"Last-Event-ID", "range", "if-range", "if-none-match", "idempotency-key"}, (
        "keys are told by the security schemes"
    )
    upload = operations["post /documents/upload"]
    form = upload["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert (form["file"]["items"]["format"], form["document_id"]["type"]) == ("binary", "string")
    assert set(upload["responses"]) == {"200", "202", "401", "403", "408", "409", "413", "422", "429", "503"}
    assert "404" in operations["get /documents/upload/status/{task_id}"]["responses"]
    del operations["get /health"]
    for name, operation in operations.items():
        scopes = SCOPES[name]
        assert operation["security"] == [{"HTTPBearer": scopes}, {"APIKeyHeader": scopes}]
        for status, response in operation["responses"].items():
            assert status < "400" or set(response["content"]) == {"application/problem+json"}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "detail"),
    [
        (
            '{"query": "Why?"}',
            "application/x-www-form-urlencoded",
            415,
            "Send Content-Type: application/json.",
        ),
        (
            '{"query": "Why?"',
            "application/json",
            422,
            "body: This is no JSON: Expecting ',' delimiter at character 16.",
        ),
        (
            '{"query": " \\t "}',
            "application/json",
            422,
            "body.query: String should have at least 1 character",
        ),
        (
            '{"query": "Why?", "topk": 3}',
            "application/json",
            422,
            "body.topk: Extra inputs are not permitted",
        ),
        ("", "application/json", 422, "body: Field required"),
        (
            r'{"query": "half of an emoji: \ud83d"}',
            "application/json",
            422,
            "body.query: Input should be a valid string",
        ),
        (
            r'{"query": "Why?", "\ud83d": 1}',
            "application/json",
            422,
            "body: Input should be a valid string",
        ),
        ('{"query": "Why?", "top_k": 1e999}', "application/json", 422, "body.top_k: Input should be"),
        ('{"query": "Why?", "top_k": NaN}', "application/json", 422, "body.top_k: Input should be"),
        ('{"query": "Why?", "top_k": 0}', "application/json", 422, "body.top_k: Input should be"),
        ('{"query": "Why?", "top_k": 101}', "application/json", 422, "body.top_k: Input should be"),
        ('{"query": "\xff"}', "application/json", 400, "There was an error parsing the body"),
        ("[" * 100_000, "application/json", 400, "There was an error parsing the body"),
    ],
)
async def test_what_is_no_question_is_refused_with_a_sentence(
    client: httpx.AsyncClient, body: str, content_type: str, status: int, detail: str
) -> None:
    sent = body.encode("latin-1")
    answer = await client.post("/api/v1/query", content=sent, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["documents/-x", "documents/x%00", "documents/%FF/chunks", f"documents/{'x' * 129}", "documents/.x"],
)
async def test_what_is_no_document_id_reaches_no_store(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:ragpipeline:problem:invalid-document-id")


@pytest.mark.parametrize("task_id", ["x", "x.", "x.y", ".1", "x.1x", "x.%C2%B2", f"x.{'1' * 30}"])
async def test_what_is_no_task_id_reaches_no_store(client: httpx.AsyncClient, task_id: str) -> None:
    answer = await client.get(f"/api/v1/documents/upload/status/{task_id}")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:ragpipeline:problem:invalid-task-id")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("documents/x", "DELETE, GET, PATCH"),
        ("documents", "DELETE, GET"),
        ("documents/upload", "POST"),
        ("query", "POST"),
    ],
)
async def test_what_a_path_allows_is_said(client: httpx.AsyncClient, path: str, allowed: str) -> None:
    answer = await client.put(f"/api/v1/{path}")
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["detail"] == f"/api/v1/{path} does not take PUT, but {allowed}."


async def test_the_page_of_the_documentation_needs_no_other_host(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert (page.status_code, re.findall(r"(?:https?:)?//\w", page.text)) == (200, [])
    needed = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert sorted(path.rpartition(".")[2] for path in needed) == ["css", "js", "png"]
    for path in [*needed, "/openapi.json"]:
        assert (await client.get(path)).status_code == 200


async def test_a_path_that_is_none_is_told_in_a_sentence(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/nowhere")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is nothing at /api/v1/nowhere.")


@pytest.mark.parametrize("operation", SCOPES)
async def test_a_query_parameter_that_is_unknown_is_refused(
    client: httpx.AsyncClient, operation: str
) -> None:
    method, path = operation.split()
    path = path.format(document_id="x", task_id="x.1", batch_id="0" * 32)
    answer = await client.request(method, f"/api/v1{path}", params={"limt": 1})
    assert answer.status_code == 422
    if method != "head":
        assert answer.json()["type"] == "urn:ragpipeline:problem:unknown-parameter"
        assert answer.json()["detail"].startswith("Unknown: limt. ")


async def test_what_is_wrong_with_a_value_is_told_without_the_name_of_its_error(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/api/v1/documents", params={"created_after": "1"})
    assert answer.json()["detail"] == "query.created_after: is no time such as 2026-11-25T12:00:00Z"
