"""What clients send is counted before it is worked on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray

from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads.embedding import routes
from rag_workloads.embedding.admission import Admission
from rag_workloads.embedding.engine import Direction, EmbeddedSpans, Lane, Overloaded, Token
from rag_workloads.embedding.routes import Routes
from rag_workloads.library.collections import Fingerprint
from rag_workloads.library.sentence_vectors import Span


def test_texts_and_characters_are_bounded() -> None:
    admission = Admission(max_texts=3, max_characters=10)
    with admission.permit(["a", "b"]), pytest.raises(Overloaded, match="2 texts of 2 characters"):
        admission.permit(["c", "d"]).__enter__()
    with admission.permit(["123456"]), pytest.raises(Overloaded):
        admission.permit(["12345"]).__enter__()
    with admission.permit(["1234567890"]):
        pass


def test_a_permit_is_given_back_whatever_happens() -> None:
    admission = Admission(max_texts=1, max_characters=10)
    with pytest.raises(ZeroDivisionError), admission.permit(["a"]):
        raise ZeroDivisionError
    with admission.permit(["b"]):
        pass


class SlowEngine:
    """Answers nothing until it is told to."""

    fingerprint = Fingerprint("m", "f", 1)

    def __init__(self) -> None:
        self.working = 0
        self.released = asyncio.Event()

    async def embed(
        self,
        texts: list[str],
        lane: Lane,
        truncate: bool = True,
        direction: Direction = "right",
        prompt_name: str | None = None,
    ) -> NDArray[np.float32]:
        self.working += 1
        await self.released.wait()
        return np.ones((len(texts), 1), np.float32)

    async def embed_spans(self, texts: list[str], spans: list[list[Span]]) -> EmbeddedSpans:
        return EmbeddedSpans(await self.embed(texts, Lane.BULK), None)

    async def tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[Token]]:
        self.working += 1
        await self.released.wait()
        return [[] for _ in texts]

    async def count_tokens(self, texts: list[str]) -> int:
        return 1

    async def ready(self) -> None:
        pass

    def info(self) -> dict[str, Any]:
        return {}

    async def close(self) -> None:
        pass


@pytest.fixture
async def engine() -> SlowEngine:
    return SlowEngine()


@pytest.fixture
async def http(engine: SlowEngine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """The routes with room for four texts on each way in."""
    monkeypatch.setattr(routes, "MAX_QUERY_TEXTS", 4)
    monkeypatch.setattr(routes, "MAX_BULK_TEXTS", 4)
    settings = EmbeddingSettings(
        pipeline="p",
        redis_url="redis://none",
        qdrant_url="http://none",
        qdrant_collection="c",
        embedding_model="m",
    )

    async def ready() -> None:
        pass

    app = FastAPI()
    Routes(settings, lambda: engine, ready).install(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://embedding") as http:
        yield http


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        ("/embed", {"text": "a"}, {"error": "Model is overloaded", "error_type": "Overloaded"}),
        ("/embed", {"inputs": "a"}, {"error": "Model is overloaded", "error_type": "Overloaded"}),
        ("/embed/batch", {"texts": ["a"]}, {"error": "Model is overloaded", "error_type": "Overloaded"}),
        ("/tokenize", {"inputs": "a"}, {"error": "Model is overloaded", "error_type": "Overloaded"}),
        (
            "/v1/embeddings",
            {"input": "a"},
            {"message": "Model is overloaded", "code": 429, "type": "Overloaded"},
        ),
    ],
)
async def test_calls_that_come_together_see_one_another(
    http: httpx.AsyncClient,
    engine: SlowEngine,
    path: str,
    body: dict[str, object],
    refusal: dict[str, object],
) -> None:
    calls = [asyncio.create_task(http.post(path, json=body)) for _ in range(10)]
    while sum(call.done() for call in calls) < 6:
        await asyncio.sleep(0)
    assert engine.working == 4
    refused = [call.result() for call in calls if call.done()]
    assert [(answer.status_code, answer.json()) for answer in refused] == [(429, refusal)] * 6
    engine.released.set()
    assert sorted([(await call).status_code for call in calls]) == [200] * 4 + [429] * 6
    assert (await http.post(path, json=body)).status_code == 200
