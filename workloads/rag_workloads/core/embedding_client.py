"""Client of an embedding service: ours, or any that speaks text-embeddings-inference's protocol."""

from typing import Any

import httpx2
import numpy as np
from huggingface_hub import AsyncInferenceClient
from huggingface_hub.errors import HfHubHTTPError
from numpy.typing import NDArray
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random_exponential

TIMEOUT_SECONDS = 30
BUSY = (429, 503)


def _passing(error: BaseException) -> bool:
    """Whether the same request may succeed soon: the service is busy, starting, or between two pods."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in BUSY
    return isinstance(error, httpx2.ConnectError | httpx2.RemoteProtocolError)


class EmbeddingClient:
    """Embeds texts over a pool of up to 100 connections; waits and tries again while the service is busy."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self._client = AsyncInferenceClient(
            url, provider="hf-inference", token=api_key, timeout=TIMEOUT_SECONDS
        )

    @retry(
        retry=retry_if_exception(_passing),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        stop=stop_after_delay(TIMEOUT_SECONDS),
        reraise=True,
    )
    async def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit vectors [texts, dimension], in order; HfHubHTTPError or InferenceTimeoutError."""
        vectors: NDArray[np.float32] = await self._client.feature_extraction(
            texts, normalize=True, truncate=True
        )
        return vectors

    async def info(self) -> dict[str, Any]:
        """GET /info: `model_id`, `max_input_length` and more."""
        return await self._client.get_endpoint_info()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
