"""Client of our language model service."""

import contextlib
import time
from collections.abc import AsyncGenerator

import httpx
from httpx_sse import EventSource

from rag_contract.endpoints import READY_PATH
from rag_workloads import tracing
from rag_workloads.web.problems import Problem

CONNECT_SECONDS = INFO_SECONDS = 5
# How long the length of the context is taken for known.
CONTEXT_SECONDS = 60


class PromptRefused(Problem):
    """The model refused the prompt, as one that is longer than its context."""


class LlmClient:
    """Asks the model for text. Errors are httpx's, or PromptRefused."""

    def __init__(self, url: str, answer_seconds: float) -> None:
        timeout = httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS)
        hooks = {"request": [tracing.carry]}
        self._client = httpx.AsyncClient(base_url=url, timeout=timeout, event_hooks=hooks)
        self._context_length: int | None = None
        self._known_until = 0.0

    async def context_length(self) -> int | None:
        """Tokens that a prompt and its answer may have together; None if nobody tells.

        It is asked for once a minute, for a server may come back with another.
        """
        if time.monotonic() > self._known_until:
            with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
                response = await self._client.get("/info", timeout=INFO_SECONDS)
                response.raise_for_status()
                self._context_length = response.json()["context_length"]
                self._known_until = time.monotonic() + CONTEXT_SECONDS
        return self._context_length

    async def generate(self, prompt: str, max_tokens: int, temperature: float) -> tuple[str, int]:
        """The whole answer and the number of its tokens."""
        response = await self._client.post(
            "/generate", json=_request(prompt, max_tokens, temperature, stream=False)
        )
        _check(response)
        answer = response.json()
        return answer["text"], answer["tokens_used"]

    async def stream(self, prompt: str, max_tokens: int, temperature: float) -> AsyncGenerator[str]:
        """The answer piece by piece, as it is made."""
        request = _request(prompt, max_tokens, temperature, stream=True)
        async with self._client.stream("POST", "/generate", json=request) as response:
            if response.is_error:
                await response.aread()
            _check(response)
            async for event in EventSource(response).aiter_sse():
                if event.data == "[DONE]":
                    return
                message = event.json()
                if "chunk" not in message:  # a problem: the model failed in the middle of its answer
                    raise httpx.RemoteProtocolError(message["detail"])
                yield message["chunk"]
            raise httpx.RemoteProtocolError("the answer ended before [DONE]")

    async def ready(self) -> None:
        """Raise if the service cannot answer now."""
        (await self._client.get(READY_PATH)).raise_for_status()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _check(response: httpx.Response) -> None:
    """Raise what the service answered: that a prompt is refused is the asker's to know, the rest is ours."""
    if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        raise PromptRefused.of(response.json())
    response.raise_for_status()


def _request(
    prompt: str, max_tokens: int, temperature: float, *, stream: bool
) -> dict[str, str | int | float | bool]:
    return {"prompt": prompt, "max_tokens": max_tokens, "temperature": temperature, "stream": stream}
