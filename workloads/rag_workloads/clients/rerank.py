"""Client of a server that speaks text-embeddings-inference's protocol of re-ranking."""

import asyncio
from typing import Self

import httpx

from rag_contract.environment.api import ApiSettings
from rag_workloads import tracing


class RerankerAway(Exception):
    """The server does not answer, not in time, or not as the protocol says."""


class RerankClient:
    """Scores texts by how well they answer a question; asks about up to `batch_size` of them at a time."""

    def __init__(self, url: str, api_key: str | None, batch_size: int, seconds: float) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        hooks = {"request": [tracing.carry]}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=seconds, event_hooks=hooks)
        self._batch_size, self._seconds = batch_size, seconds

    @classmethod
    def open(cls, settings: ApiSettings) -> Self | None:
        """The server that the settings name, if they name one."""
        if settings.reranker_url is None:
            return None
        key = settings.reranker_api_key.get_secret_value() if settings.reranker_api_key else None
        return cls(settings.reranker_url, key, settings.reranker_batch_size, settings.reranker_seconds)

    async def score(self, question: str, texts: list[str]) -> list[float]:
        """A score for each text, in their order, within the time limit. Raises RerankerAway."""
        parts = [texts[at : at + self._batch_size] for at in range(0, len(texts), self._batch_size)]
        try:
            async with asyncio.timeout(self._seconds):
                found = await asyncio.gather(*(self._score(question, part) for part in parts))
        except (httpx.HTTPError, TimeoutError, ValueError, LookupError, TypeError) as error:
            raise RerankerAway(str(error) or type(error).__name__) from error
        return [score for part in found for score in part]

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _score(self, question: str, texts: list[str]) -> list[float]:
        response = await self._client.post(
            "/rerank", json={"query": question, "texts": texts, "truncate": True}
        )
        response.raise_for_status()
        scores = {entry["index"]: float(entry["score"]) for entry in response.json()}
        return [scores[index] for index in range(len(texts))]
