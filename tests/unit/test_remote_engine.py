"""The engine before a text-embeddings-inference server, where a real one would be hard to bring to it."""

from typing import Any

import httpx2
import pytest

from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.embedding import remote_engine
from rag_workloads.embedding.engine import InputTooLong, Lane, Overloaded
from rag_workloads.embedding.remote_engine import RemoteEngine
from rag_workloads.embedding.settings import EmbeddingSettings
from rag_workloads.library.vectors import Fingerprint


class RefusingClient(EmbeddingClient):
    """Refuses everything with one status, and knows whether it is closed."""

    closed = 0

    def __init__(self, status: int, body: object) -> None:
        self._response = httpx2.Response(status, json=body, request=httpx2.Request("POST", "http://tei"))

    async def embed(self, *_: Any, **__: Any) -> Any:
        self._response.raise_for_status()

    async def info(self) -> dict[str, Any]:
        self._response.raise_for_status()
        return {}

    async def close(self) -> None:
        RefusingClient.closed += 1


@pytest.mark.parametrize(
    ("status", "body", "error", "reason"),
    [
        (422, {"error": "must have less than 512 tokens"}, InputTooLong, "less than 512 tokens"),
        (413, {"error": "must have less than 512 tokens"}, InputTooLong, "less than 512 tokens"),
        (422, "no JSON object", InputTooLong, "no JSON object"),
        (429, {"error": "Model is overloaded"}, Overloaded, "overloaded"),
        (424, {"error": "broken"}, httpx2.HTTPStatusError, "424"),
    ],
)
async def test_the_servers_refusals_become_the_engines(
    status: int, body: object, error: type[Exception], reason: str
) -> None:
    engine = RemoteEngine(RefusingClient(status, body), Fingerprint("m", "f", 1), {})
    with pytest.raises(error, match=reason):
        await engine.embed(["text"], Lane.BULK, truncate=False)


async def test_a_start_that_fails_leaves_no_client_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_engine, "EmbeddingClient", lambda *_: RefusingClient(503, {}))
    settings = EmbeddingSettings(
        pipeline="p",
        redis_url="redis://none",
        qdrant_url="http://none",
        qdrant_collection="c",
        embedding_model="m",
        engine="tei",
        engine_url="http://none",
    )
    with pytest.raises(httpx2.HTTPStatusError):
        await RemoteEngine.start(settings)
    assert RefusingClient.closed == 1
