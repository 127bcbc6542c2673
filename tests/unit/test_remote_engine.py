"""The engine before a text-embeddings-inference server, where a real one would be hard to bring to it."""

import json
from typing import Any

import httpx2
import pytest
from huggingface_hub.errors import InferenceTimeoutError

from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.embedding import remote_engine
from rag_workloads.embedding.engine import (
    EngineAway,
    InferenceFailed,
    InputTooLong,
    Lane,
    Overloaded,
    Unsupported,
)
from rag_workloads.embedding.remote_engine import RemoteEngine
from rag_workloads.library.collections import Fingerprint


class RefusingClient(EmbeddingClient):
    """Raises one error at everything, and knows whether it is closed."""

    closed = 0

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def embed(self, *_: Any, **__: Any) -> Any:
        raise self._error

    async def info(self) -> dict[str, Any]:
        raise self._error

    async def close(self) -> None:
        RefusingClient.closed += 1


def refusal(status: int, body: object) -> httpx2.HTTPStatusError:
    request = httpx2.Request("POST", "http://tei")
    response = httpx2.Response(status, json=body, request=request)
    return httpx2.HTTPStatusError(f"{status}", request=request, response=response)


@pytest.mark.parametrize(
    ("raised", "error", "reason"),
    [
        (refusal(422, {"error": "must have less than 512 tokens"}), InputTooLong, "less than 512 tokens"),
        (refusal(413, {"error": "must have less than 512 tokens"}), InputTooLong, "less than 512 tokens"),
        (refusal(422, "no JSON object"), InputTooLong, "no JSON object"),
        (refusal(400, {"error": "`inputs` cannot be empty"}), Unsupported, "empty"),
        (refusal(424, {"error": "broken"}), InferenceFailed, "broken"),
        (refusal(429, {"error": "Model is overloaded"}), Overloaded, "overloaded"),
        (refusal(401, {"error": "no such key"}), EngineAway, "HTTP status 401: no such key"),
        (refusal(404, {}), EngineAway, "HTTP status 404"),
        (refusal(500, {}), EngineAway, "HTTP status 500"),
        (refusal(503, {"error": "starting"}), EngineAway, "HTTP status 503: starting"),
        (httpx2.ConnectError("All connection attempts failed"), EngineAway, "connection attempts failed"),
        (httpx2.ReadTimeout(""), EngineAway, "ReadTimeout"),
        (InferenceTimeoutError("timed out"), EngineAway, "timed out"),
        (json.JSONDecodeError("Expecting value", "<html>", 0), EngineAway, "Expecting value"),
    ],
)
async def test_what_the_client_raises_becomes_the_engines_verdict(
    raised: Exception, error: type[Exception], reason: str
) -> None:
    engine = RemoteEngine(RefusingClient(raised), Fingerprint("m", "f", 1), {})
    with pytest.raises(error, match=reason):
        await engine.embed(["text"], Lane.BULK, truncate=False)


async def test_a_start_that_fails_leaves_no_client_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_engine, "EmbeddingClient", lambda *_: RefusingClient(refusal(503, {})))
    settings = EmbeddingSettings(
        pipeline="p",
        redis_url="redis://none",
        qdrant_url="http://none",
        qdrant_collection="c",
        embedding_model="m",
        engine="tei",
        engine_url="http://none",
    )
    with pytest.raises(EngineAway):
        await RemoteEngine.start(settings)
    assert RefusingClient.closed == 1
