"""What the API says of itself, and how it refuses what is no question; without the parts behind it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from rag_contract.environment.api import ApiSettings
from rag_workloads.api.main import create_app
from rag_workloads.api.parts import parts_of

# What a key must allow.
SCOPES = {
    "post /documents/upload": ["ingest"],
    "get /documents/upload/status/{task_id}": ["ingest"],
    "get /documents": ["ingest"],
    "get /documents/{document_id}": ["ingest"],
    "delete /documents/{document_id}": ["ingest"],
    "get /documents/{document_id}/chunks": ["ingest"],
    "post /query": ["query"],
    "get /stats": [],
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
    app.dependency_overrides[parts_of] = lambda: None
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_the_schema_says_what_is_sent_and_answered(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    assert {"HTTPBearer", "APIKeyHeader"} == set(schema["components"]["securitySchemes"])
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    operations: dict[str, Any] = {
        f"{method} {path.removeprefix('/api/v1')}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    parameters = [p for operation in operations.values() for p in operation.get("parameters", [])]
    assert not [parameter for parameter in parameters if parameter["in"] == "header"]
    upload = operations["post /documents/upload"]
    form = upload["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert (form["file"]["format"], form["document_id"]["type"]) == ("binary", "string")
    assert set(upload["responses"]) == {"200", "202", "401", "403", "413", "422", "429", "503"}
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
    ],
)
async def test_what_is_no_question_is_refused_with_a_sentence(
    client: httpx.AsyncClient, body: str, content_type: str, status: int, detail: str
) -> None:
    answer = await client.post("/api/v1/query", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]
