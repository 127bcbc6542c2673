"""Client of our language model service."""

import contextlib
import time
from collections.abc import AsyncGenerator

import httpx

from rag_workloads import tracing
from rag_workloads.clients.generation import Ending, Prompt
from rag_workloads.clients.tokens import TokenEstimate
from rag_workloads.web.problems import Problem, Unavailable
from rag_workloads.web.streams import messages

CONNECT_SECONDS = INFO_SECONDS = 5
# How long the length of the context is taken for known.
CONTEXT_SECONDS = 60


class PromptRefused(Problem):
    """The model refused the prompt, as one that is longer than its context."""

    @property
    def prompt_tokens(self) -> int | None:
        """How many tokens the prompt had, if it is known."""
        return self.extra.get("prompt_tokens")

    @property
    def context_length(self) -> int | None:
        """How many tokens prompt and answer may have together, if it is known."""
        return self.extra.get("context_length")


class LlmAway(Exception):
    """The service says that the model cannot be asked now."""


class LlmClient:
    """Asks the model for text. Raises PromptRefused, or Unavailable for "llm".

    How long an answer may take is bounded by who waits for it.
    """

    def __init__(self, url: str) -> None:
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        hooks = {"request": [tracing.carry]}
        self._client = httpx.AsyncClient(base_url=url, timeout=timeout, event_hooks=hooks)
        self.estimate = TokenEstimate()
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

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str | Ending]:
        """The answer piece by piece as it is made, and how it ended."""
        body = {**prompt.model_dump(), "stream": True}
        try:
            async with self._client.stream("POST", "/generate", json=body) as response:
                if response.is_error:
                    await response.aread()
                _check(response)
                async for message in messages(response):
                    if "detail" in message:  # a problem: the model failed in the middle of its answer
                        raise httpx.RemoteProtocolError(message["detail"])
                    if "chunk" in message:
                        yield message["chunk"]
                        continue
                    ending = Ending.model_validate(message)
                    if ending.prompt_tokens:
                        self.estimate.learn(prompt.prompt, ending.prompt_tokens)
                    yield ending
        except httpx.HTTPError as error:
            raise Unavailable("llm", str(error) or type(error).__name__) from error

    async def ready(self) -> None:
        """Raise, in words, if the service or its model's server cannot answer now."""
        response = await self._client.get("/health", timeout=INFO_SECONDS)
        if response.is_error:
            raise LlmAway(_reason(response))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, LookupError, TypeError):
        return f"HTTP status {response.status_code}: {response.text[:500]}"


def _check(response: httpx.Response) -> None:
    """Raise what the service answered: that a prompt is refused is the asker's to know, the rest is ours."""
    if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        raise PromptRefused.of(response.json())
    response.raise_for_status()
