"""The engine that asks a text-embeddings-inference server."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx2
import numpy as np
from huggingface_hub.errors import HfHubHTTPError
from numpy.typing import NDArray

from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads import tracing
from rag_workloads.clients.embedding import BATCH_SIZE, EmbeddingClient
from rag_workloads.embedding.engine import (
    Direction,
    EmbeddedSpans,
    EngineAway,
    InferenceFailed,
    InputTooLong,
    Lane,
    Overloaded,
    Token,
    Unsupported,
    shorten,
)
from rag_workloads.embedding.prompts import Prompts
from rag_workloads.library.collections import Fingerprint
from rag_workloads.library.sentence_vectors import Span

PROVIDER = "text-embeddings-inference"
# Servers differ by their release in how they refuse a text.
BY_STATUS = {
    400: Unsupported,
    413: InputTooLong,
    422: InputTooLong,
    424: InferenceFailed,
    429: Overloaded,
}


class RemoteEngine:
    """A text-embeddings-inference server, which orders and batches by itself.

    What its client raises becomes the engine's errors, so that nobody tries again what cannot succeed.
    """

    def __init__(self, client: EmbeddingClient, fingerprint: Fingerprint, info: dict[str, Any]) -> None:
        self.fingerprint = fingerprint
        self._client, self._info = client, info
        self._prompts = Prompts(info.get("prompts") or {})
        self._batch_size = int(info.get("max_client_batch_size") or BATCH_SIZE)

    @classmethod
    async def start(cls, settings: EmbeddingSettings) -> "RemoteEngine":
        """Ask the server who it is; its model id stands for its weights if it does not name them."""
        key = settings.engine_api_key
        async with contextlib.AsyncExitStack() as failed:
            client = EmbeddingClient(settings.engine_url, key.get_secret_value() if key else None)
            failed.push_async_callback(client.close)
            with _translated():
                info = await client.info()
                probe = await client.embed(["dimension"])
            failed.pop_all()
        dimension = shorten(probe, settings.dimensions or probe.shape[1]).shape[1]
        weights = info.get("model_sha") or info.get("model_id") or "unknown"
        return cls(client, Fingerprint(settings.embedding_model, weights, dimension), info)

    async def embed(
        self,
        texts: list[str],
        lane: Lane,
        truncate: bool = True,
        direction: Direction = "right",
        prompt_name: str | None = None,
    ) -> NDArray[np.float32]:
        """As `Engine.embed`, in parts as large as the server takes.

        One that does not tell its prompts puts the same before questions and documents.
        """
        with tracing.embeddings(self.fingerprint.model, PROVIDER, len(texts)), _translated():
            vectors = await self._client.embed(
                texts,
                truncate=truncate,
                direction=direction,
                prompt_name=prompt_name or self._prompts.name(lane),
                batch_size=self._batch_size,
            )
        return shorten(vectors, self.fingerprint.dimension)

    async def embed_spans(self, texts: list[str], spans: list[list[Span]]) -> EmbeddedSpans:
        """As `Engine.embed_spans`; the protocol knows no tokens' states, so there are none of spans."""
        return EmbeddedSpans(await self.embed(texts, Lane.BULK, truncate=False), None)

    async def tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[Token]]:
        """As `Engine.tokenize`."""
        with _translated():
            found = await self._client.tokenize(texts, add_special_tokens, batch_size=self._batch_size)
        return [[_token(token) for token in tokens] for tokens in found]

    async def count_tokens(self, texts: list[str]) -> int:
        """As `Engine.count_tokens`."""
        count = 0
        for at in range(0, len(texts), self._batch_size):
            tokens = await self.tokenize(texts[at : at + self._batch_size], add_special_tokens=True)
            count += sum(map(len, tokens))
        return count

    async def ready(self) -> None:
        """As `Engine.ready`; what asks for the key too, and is no work."""
        with contextlib.suppress(Overloaded), _translated():
            await self._client.info()

    def info(self) -> dict[str, Any]:
        """What the server says of itself."""
        return self._info

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


def _token(token: dict[str, Any]) -> Token:
    return Token(token["id"], token["text"], token["special"], token.get("start"), token.get("stop"))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (HfHubHTTPError, httpx2.HTTPStatusError) as error:
        raise _of_status(error.response) from error
    except (httpx2.HTTPError, TimeoutError, OSError, ValueError) as error:
        # ValueError: an answer that is none of this protocol, as a proxy in front of a lost server gives
        raise EngineAway(str(error) or type(error).__name__) from error


def _of_status(response: httpx2.Response) -> Exception:
    """The error that a status stands for. Others, such as a key that is refused, are no verdict on texts."""
    found = BY_STATUS.get(response.status_code)
    reason = _reason(response)
    return found(reason) if found else EngineAway(f"HTTP status {response.status_code}: {reason}")


def _reason(response: httpx2.Response) -> str:
    """What the server wrote: {"error"}, or anything."""
    try:
        return str(response.json()["error"])
    except (ValueError, LookupError, TypeError):
        return response.text[:500]
