"""The server behind us, spoken to as OpenAI's chat completions; its failures become problems."""

import contextlib
import json
import time
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx

from rag_contract.environment.llm import LlmSettings
from rag_workloads import tracing
from rag_workloads.clients.generation import Ending, Prompt
from rag_workloads.llm.context import Context
from rag_workloads.llm.refusals import refused_by_server
from rag_workloads.web import metrics
from rag_workloads.web.problems import Problem, Unavailable
from rag_workloads.web.streams import messages

CONNECT_SECONDS = 5
MAX_CONNECTIONS = 100
REFUSED = {400, 413, 422}
BUSY = {429, 503}


class Backend:
    """Pooled connections to one model. Raises Problem: 422 prompt refused, 502 failed, 503 away.

    How long an answer may take is bounded by who waits for it.
    """

    def __init__(self, settings: LlmSettings) -> None:
        key = settings.backend_api_key
        self.model, self.answer_seconds = settings.backend_model, settings.answer_seconds
        self._client = httpx.AsyncClient(
            base_url=settings.backend_url,
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            event_hooks={"request": [tracing.carry]},
        )
        self._context = Context(self._client, self.model)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str | Ending]:
        """The answer piece by piece, and how it ended. Closing the iterator stops the model."""
        request = self._request(prompt)
        start, written, ending = time.perf_counter(), 0, Ending()
        with tracing.chat(request) as span, _problems():
            with tracing.current(span):
                await self._context.check(request)
                response = await self._open(request)
            async with contextlib.aclosing(response):
                if response.is_error:
                    await response.aread()
                _check(response)
                async for message in messages(response):
                    piece, ending = _read(message, ending)
                    if piece and not written:
                        metrics.LLM_FIRST_TOKEN_SECONDS.observe(time.perf_counter() - start)
                        span.add_event("first token")
                    if piece:
                        written += 1
                        yield piece
            # Where the server does not count: about a piece a token.
            ending = ending.model_copy(update={"tokens_used": ending.tokens_used or written})
            _count(ending, span)
            yield ending

    async def ready(self) -> None:
        """Raise if the server does not answer, refuses our key, or is still loading its model."""
        with _problems():
            _check(await self._client.get("/models", timeout=CONNECT_SECONDS))

    async def context_length(self) -> int | None:
        """Tokens that a prompt and its answer may have together; None if the server does not say."""
        with _problems():
            return await self._context.length()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _open(self, request: dict[str, Any]) -> httpx.Response:
        """The head of a streamed answer."""
        return await self._client.send(
            self._client.build_request("POST", "/chat/completions", json=request), stream=True
        )

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt.prompt}],
            "max_tokens": prompt.max_tokens,
            "temperature": prompt.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            **({"stop": prompt.stop} if prompt.stop else {}),
        }


def _read(message: dict[str, Any], ending: Ending) -> tuple[str | None, Ending]:
    """What a message of the stream adds to the answer, and to what is known of its end."""
    if "choices" not in message:
        raise _failed(json.dumps(message))
    known = dict[str, str | int]()
    if usage := message.get("usage"):  # in the last one
        known |= {"prompt_tokens": usage["prompt_tokens"], "tokens_used": usage["completion_tokens"]}
    choice = message["choices"][0] if message["choices"] else {"delta": {}}
    if choice.get("finish_reason") == "length":
        known["finish_reason"] = "length"
    return choice["delta"].get("content"), ending.model_copy(update=known)


def _count(ending: Ending, span: tracing.Span) -> None:
    metrics.LLM_TOKENS.labels("in").inc(ending.prompt_tokens)
    metrics.LLM_TOKENS.labels("out").inc(ending.tokens_used)
    span.set_attributes(tracing.tokens(ending.prompt_tokens, ending.tokens_used))


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    status, said = response.status_code, response.text[:500]
    if status in BUSY:
        raise Unavailable("llm", f"the language model's server is busy or loading: {said}")
    if status in REFUSED:
        raise refused_by_server(response.text)
    raise _failed(f"HTTP {status}: {said}")


def _failed(detail: str) -> Problem:
    return Problem(502, "llm-failed", "The language model failed", detail)


@contextlib.contextmanager
def _problems() -> Iterator[None]:
    """Failures of the connection, and answers that make no sense, as problems."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        _check(error.response)
    except (httpx.ConnectError, httpx.TimeoutException) as error:
        said = str(error) or type(error).__name__
        raise Unavailable("llm", f"the language model's server cannot be reached: {said}") from error
    except (httpx.HTTPError, KeyError, IndexError, TypeError, ValueError) as error:
        raise _failed(f"{type(error).__name__}: {error}") from error
