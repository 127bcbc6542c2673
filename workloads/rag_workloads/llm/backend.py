"""The server behind us, spoken to as OpenAI's chat completions; its failures become problems."""

import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_sse import EventSource

from rag_contract.environment.llm import LlmSettings
from rag_workloads import tracing
from rag_workloads.web import metrics
from rag_workloads.web.problems import Problem, Unavailable

CONNECT_SECONDS = 5
MAX_CONNECTIONS = 100
REFUSED = {400, 413, 422}
BUSY = {429, 503}


@dataclass(frozen=True)
class Prompt:
    """What to generate from."""

    text: str
    max_tokens: int
    temperature: float


@dataclass(frozen=True)
class Completion:
    """A whole answer, and how many tokens the model wrote."""

    text: str
    tokens: int


class Backend:
    """Pooled connections to one model. Raises Problem: 422 prompt refused, 502 failed, 503 away, 504 slow."""

    def __init__(self, settings: LlmSettings) -> None:
        key = settings.backend_api_key
        self.model, self.answer_seconds = settings.backend_model, settings.answer_seconds
        self._client = httpx.AsyncClient(
            base_url=settings.backend_url,
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=httpx.Timeout(settings.answer_seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            event_hooks={"request": [tracing.carry]},
        )

    async def generate(self, prompt: Prompt) -> Completion:
        """The whole answer."""
        request = self._request(prompt, stream=False)
        with tracing.chat(request) as span, tracing.current(span), _problems():
            response = await self._client.post("/chat/completions", json=request)
            _check(response)
            answer = response.json()
            text = answer["choices"][0]["message"]["content"] or ""
            _count(answer["usage"], span)
            return Completion(text, answer["usage"]["completion_tokens"])

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str]:
        """The answer piece by piece. Closing the iterator closes the connection, which stops the model."""
        request = self._request(prompt, stream=True) | {"stream_options": {"include_usage": True}}
        start, begun = time.perf_counter(), False
        with tracing.chat(request) as span, _problems():
            with tracing.current(span):
                response = await self._open(request)
            async with contextlib.aclosing(response):
                if response.is_error:
                    await response.aread()
                _check(response)
                async for message in _messages(response):
                    if message.get("usage"):  # in the last one
                        _count(message["usage"], span)
                    if piece := _piece(message):
                        if not begun:
                            metrics.LLM_FIRST_TOKEN_SECONDS.observe(time.perf_counter() - start)
                            span.add_event("first token")
                            begun = True
                        yield piece

    async def ready(self) -> None:
        """Raise if the server does not answer, refuses our key, or is still loading its model."""
        with _problems():
            _check(await self._client.get("/models", timeout=CONNECT_SECONDS))

    async def context_length(self) -> int | None:
        """Tokens that a prompt and its answer may have together; None if the server does not say."""
        with _problems():
            response = await self._client.get("/models", timeout=CONNECT_SECONDS)
            _check(response)
            return _context_length(response.json()["data"], self.model)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _open(self, request: dict[str, Any]) -> httpx.Response:
        """The head of a streamed answer."""
        return await self._client.send(
            self._client.build_request("POST", "/chat/completions", json=request), stream=True
        )

    def _request(self, prompt: Prompt, *, stream: bool) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt.text}],
            "max_tokens": prompt.max_tokens,
            "temperature": prompt.temperature,
            "stream": stream,
        }


def _count(usage: dict[str, Any], span: tracing.Span) -> None:
    read, written = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    metrics.LLM_TOKENS.labels("in").inc(read)
    metrics.LLM_TOKENS.labels("out").inc(written)
    span.set_attributes(tracing.tokens(read, written))


def _context_length(models: list[dict[str, Any]], name: str) -> int | None:
    """As vLLM and llama.cpp tell it of a model; llama.cpp has one only, whatever it is called."""
    model = next((each for each in models if each.get("id") == name), models[0] if len(models) == 1 else {})
    found = model.get("max_model_len") or (model.get("meta") or {}).get("n_ctx")
    return found if isinstance(found, int) else None


async def _messages(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The JSON messages of a server-sent event stream, up to [DONE]."""
    async for event in EventSource(response).aiter_sse():
        if event.data == "[DONE]":
            return
        yield event.json()
    raise httpx.RemoteProtocolError("the stream ended before [DONE]")


def _piece(message: dict[str, Any]) -> str | None:
    if "choices" not in message:
        raise _failed(json.dumps(message))
    # A last message may carry usage and no choice.
    return message["choices"][0]["delta"].get("content") if message["choices"] else None


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    status, said = response.status_code, response.text[:500]
    if status in BUSY:
        raise Unavailable("llm", f"the language model's server is busy or loading: {said}")
    if status in REFUSED:
        raise Problem(422, "prompt-refused", "The model refused the prompt", said)
    raise _failed(f"HTTP {status}: {said}")


def _failed(detail: str) -> Problem:
    return Problem(502, "llm-failed", "The language model failed", detail)


@contextlib.contextmanager
def _problems() -> Iterator[None]:
    """Failures of the connection, and answers that make no sense, as problems."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise Unavailable("llm", f"the language model's server cannot be reached: {error}") from error
    except httpx.TimeoutException as error:
        raise Problem(504, "llm-timeout", "The language model is too slow", "no answer in time") from error
    except (httpx.HTTPError, KeyError, IndexError, TypeError, ValueError) as error:
        raise _failed(f"{type(error).__name__}: {error}") from error
