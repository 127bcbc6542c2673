"""Client of an embedding service: ours, or any that speaks text-embeddings-inference's protocol."""

import asyncio
from typing import Any, Literal, cast

import httpx2
import numpy as np
from huggingface_hub import AsyncInferenceClient
from huggingface_hub.errors import HfHubHTTPError
from numpy.typing import NDArray
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random_exponential

from rag_contract.limits import EMBEDDING_SECONDS
from rag_workloads import tracing

# Texts in one request: what text-embeddings-inference takes unless it is told otherwise.
BATCH_SIZE = 32
BUSY = (429, 503)


class EmbeddingAway(Exception):
    """The service says that it cannot embed now."""


def _passing(error: BaseException) -> bool:
    """Whether the same request may succeed soon: the service is busy, starting, or between two pods."""
    if isinstance(error, HfHubHTTPError | httpx2.HTTPStatusError):
        return error.response.status_code in BUSY
    return isinstance(error, httpx2.ConnectError | httpx2.RemoteProtocolError)


_while_busy = retry(
    retry=retry_if_exception(_passing),
    wait=wait_random_exponential(multiplier=0.1, max=2),
    stop=stop_after_delay(EMBEDDING_SECONDS),
    reraise=True,
)


class EmbeddingClient:
    """Embeds texts over a pool of up to 100 connections; waits and tries again while the service is busy.

    Errors are HfHubHTTPError, InferenceTimeoutError and httpx2's.
    """

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self._client = AsyncInferenceClient(
            url, provider="hf-inference", token=api_key, timeout=EMBEDDING_SECONDS
        )
        # For the route that the hub's client does not know.
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx2.AsyncClient(base_url=url, headers=headers, timeout=EMBEDDING_SECONDS)

    async def embed(
        self,
        texts: list[str],
        *,
        truncate: bool = True,
        direction: Literal["left", "right"] = "right",
        prompt_name: str | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> NDArray[np.float32]:
        """Unit vectors [texts, dimension], in order; asks for up to `batch_size` of them at a time.

        With `truncate` a text that is too long loses the end that `direction` names, else it is refused.
        Without a `prompt_name` the service takes the prompt for questions, or its default one.
        """
        calls = [self._embed(part, truncate, direction, prompt_name) for part in _parts(texts, batch_size)]
        return np.concatenate(await asyncio.gather(*calls))

    async def tokenize(
        self, texts: list[str], add_special_tokens: bool, *, batch_size: int = BATCH_SIZE
    ) -> list[list[dict[str, Any]]]:
        """`id`, `text`, `special`, `start` and `stop` of each text's tokens."""
        parts = _parts(texts, batch_size)
        found = await asyncio.gather(*(self._tokenize(part, add_special_tokens) for part in parts))
        return [tokens for part in found for tokens in part]

    async def info(self) -> dict[str, Any]:
        """GET /info: `model_id`, `max_input_length` and more."""
        return await self._client.get_endpoint_info()

    async def ready(self) -> None:
        """Raise, in words, if the service cannot embed now."""
        response = await self._http.get("/health")
        if response.is_error:
            raise EmbeddingAway(_reason(response))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
        await self._http.aclose()

    @_while_busy
    async def _embed(
        self, texts: list[str], truncate: bool, direction: Literal["left", "right"], prompt_name: str | None
    ) -> NDArray[np.float32]:
        # They are read before anything is awaited, so that no other call comes between.
        self._client.headers = tracing.carried()
        vectors: NDArray[np.float32] = await self._client.feature_extraction(
            texts,
            normalize=True,
            truncate=truncate,
            truncation_direction=direction,
            prompt_name=prompt_name,
        )
        return vectors

    @_while_busy
    async def _tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[dict[str, Any]]]:
        body = {"inputs": texts, "add_special_tokens": add_special_tokens}
        response = await self._http.post("/tokenize", json=body)
        response.raise_for_status()
        return cast(list[list[dict[str, Any]]], response.json())


def _reason(response: httpx2.Response) -> str:
    """What our service says, or any other."""
    try:
        return str(response.json()["error"])
    except (ValueError, LookupError, TypeError):
        return f"HTTP status {response.status_code}: {response.text[:500]}"


def _parts(texts: list[str], size: int) -> list[list[str]]:
    return [texts[at : at + size] for at in range(0, len(texts), size)]
