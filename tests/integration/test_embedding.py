"""The embedding service's HTTP contracts: a real process, a real model."""

import base64
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import numpy as np
import pytest
from tests.integration.conftest import MODEL
from tests.integration.service_process import running
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.embedding.schemas import MAX_CHARACTERS

# httpx itself refuses half a surrogate pair; JSON has a way to write it.
JSON = {"Content-Type": "application/json"}
HALF = "emoji \ud83d"
TEXTS = ["The cat sleeps on the sofa.", "A feline naps on the couch.", "Interest rates rose in March."]


@pytest.fixture(scope="module")
def settings(redis_server: str, qdrant_url: str) -> dict[str, str]:
    """The environment of another embedding service, but for its port."""
    return {
        "PIPELINE": "tests.other",
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "EMBEDDING_MODEL": MODEL,
        "MAX_CLIENT_BATCH_SIZE": "8",
        "HOST": "127.0.0.1",
    }


@pytest.fixture(scope="module")
def tei_url(embedding_url: str, settings: dict[str, str]) -> Iterator[str]:
    """An embedding service whose engine is the first one, spoken to as text-embeddings-inference."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = settings | {
        "ENGINE": "tei",
        "ENGINE_URL": embedding_url,
        "QDRANT_COLLECTION": "tei",
        "PORT": str(port),
    }
    with running("rag_workloads.embedding", env=env, probe=f"{url}/ready"):
        yield url


@pytest.fixture(params=["embedding_url", "tei_url"])
async def http(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """Both engines keep the same contracts."""
    async with httpx.AsyncClient(
        base_url=request.getfixturevalue(request.param), timeout=PATIENCE_SECONDS
    ) as http:
        yield http


async def test_our_contract(http: httpx.AsyncClient) -> None:
    one = (await http.post("/embed", json={"text": TEXTS[0]})).json()
    assert one["dimension"] == len(one["vector"]) == 384
    many = (await http.post("/embed/batch", json={"texts": TEXTS, "batch_size": 2})).json()
    assert many["count"] == 3
    assert (await http.post("/embed/batch", json={"texts": TEXTS * 7})).json()["count"] == 21
    np.testing.assert_allclose(many["vectors"][0], one["vector"], atol=0.01)
    assert (await http.get("/health")).status_code == 200


@pytest.mark.parametrize("path", ["/embed", "/"])
async def test_teis_contract(http: httpx.AsyncClient, path: str) -> None:
    vectors = np.array((await http.post(path, json={"inputs": TEXTS})).json())
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]
    short = np.array((await http.post(path, json={"inputs": TEXTS[0], "dimensions": 64})).json())
    assert short.shape == (1, 64)


@pytest.mark.parametrize(
    ("body", "status", "error_type"),
    [
        ({"inputs": ""}, 400, "Empty"),
        ({"inputs": []}, 400, "Empty"),
        ({"inputs": ["a"] * 9}, 422, "Validation"),
        ({"inputs": "word " * 400}, 422, "Validation"),
        ({"inputs": "a", "normalize": False}, 422, "Validation"),
        ({"inputs": "a", "prompt_name": "query"}, 422, "Validation"),
        ({"inputs": "a", "dimensions": 1000}, 422, "Validation"),
        ({"inputs": 3}, 422, "Validation"),
        ({"inputs": HALF}, 422, "Validation"),
        ({"inputs": ["fine", HALF]}, 422, "Validation"),
        ({"inputs": "a", "prompt_name": HALF}, 422, "Validation"),
        ({"text": HALF}, 422, "Validation"),
        ({"inputs": "a" * (MAX_CHARACTERS + 1)}, 422, "Validation"),
        ({}, 422, "Validation"),
    ],
)
async def test_teis_errors(
    http: httpx.AsyncClient, body: dict[str, object], status: int, error_type: str
) -> None:
    answer = await http.post("/embed", content=json.dumps(body), headers=JSON)
    assert (answer.status_code, answer.json()["error_type"]) == (status, error_type)
    assert answer.json()["error"]


async def test_a_long_text_loses_the_end_that_is_asked_for(http: httpx.AsyncClient) -> None:
    async def embed(text: str, **options: object) -> np.ndarray:
        return np.array((await http.post("/embed", json={"inputs": text, **options})).json()[0])

    cats, rates = (text * 60 for text in (TEXTS[0] + " ", TEXTS[2] + " "))
    both, cat, rate = await embed(cats + rates, truncate=True), await embed(TEXTS[0]), await embed(TEXTS[2])
    assert both @ cat > both @ rate
    left = await embed(cats + rates, truncate=True, truncation_direction="left")
    assert left @ rate > left @ cat


async def test_openais_contract(http: httpx.AsyncClient) -> None:
    floats = (await http.post("/v1/embeddings", json={"input": TEXTS, "model": "any"})).json()
    packed = (await http.post("/v1/embeddings", json={"input": TEXTS[0], "encoding_format": "base64"})).json()
    assert [entry["index"] for entry in floats["data"]] == [0, 1, 2]
    assert floats["usage"]["total_tokens"] > 15
    decoded = np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), "<f4")
    np.testing.assert_allclose(decoded, floats["data"][0]["embedding"], atol=0.01)


async def test_openais_errors(http: httpx.AsyncClient) -> None:
    refused = await http.post("/v1/embeddings", json={"input": ""})
    message = "`inputs` cannot be empty"
    assert (refused.status_code, refused.json()) == (400, {"message": message, "code": 400, "type": "Empty"})
    half = await http.post("/v1/embeddings", content=json.dumps({"input": HALF}), headers=JSON)
    assert (half.status_code, half.json()["code"], half.json()["type"]) == (422, 422, "Validation")


async def test_a_body_has_a_limit(http: httpx.AsyncClient) -> None:
    refused = await http.post("/embed", json={"text": "x" * 9_000_000})
    assert (refused.status_code, refused.json()["type"]) == (413, "urn:ragpipeline:problem:payload-too-large")


async def test_tokens_and_info(http: httpx.AsyncClient) -> None:
    (tokens,) = (await http.post("/tokenize", json={"inputs": "A cat."})).json()
    assert [token["text"] for token in tokens] == ["[CLS]", "a", "cat", ".", "[SEP]"]
    half = await http.post("/tokenize", content=json.dumps({"inputs": HALF}), headers=JSON)
    assert (half.status_code, half.json()["error_type"]) == (422, "Validation")
    long = await http.post("/tokenize", json={"inputs": ["a" * MAX_CHARACTERS, "a"]})
    assert (long.status_code, long.json()["error_type"]) == (422, "Validation")
    assert (tokens[2]["start"], tokens[2]["stop"], tokens[0]["special"]) == (2, 5, True)
    info = (await http.get("/info")).json()
    assert info["model_id"] == MODEL
    assert info["max_input_length"] == 256


async def test_requests_are_counted(http: httpx.AsyncClient) -> None:
    await http.post("/embed", json={"text": "a"})
    await http.post("/embed", json={})
    metrics = (await http.get("/metrics")).text
    assert 'embedding_requests_total{status="success"}' in metrics
    assert 'embedding_requests_total{status="error"}' in metrics
    assert 'http_requests_total{endpoint="/embed",method="POST",status="200"}' in metrics


async def test_the_client_of_the_hub_speaks_to_it(embedding_url: str) -> None:
    client = EmbeddingClient(embedding_url)
    many = await client.embed(TEXTS * 7, batch_size=8)
    assert many.shape == (21, 384)
    np.testing.assert_allclose(many[18:], many[:3], atol=0.01)
    assert (await client.info())["model_id"] == MODEL
    await client.close()
