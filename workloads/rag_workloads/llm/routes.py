"""POST /generate and GET /health."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from sse_starlette import ServerSentEvent

from rag_workloads.llm.backend import Backend, Prompt
from rag_workloads.web import outcomes
from rag_workloads.web.deadlines import Deadline
from rag_workloads.web.disconnects import until_disconnect
from rag_workloads.web.metrics import LLM_REQUESTS
from rag_workloads.web.problems import Problem
from rag_workloads.web.service import check_ready
from rag_workloads.web.streams import event, stream

router = APIRouter()
outcomes.begin(LLM_REQUESTS)


class GenerateRequest(BaseModel):
    """What a client asks for."""

    prompt: Annotated[str, Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1, le=32_768)] = 512
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    stream: bool = False


class GenerateResponse(BaseModel):
    """A whole answer; `tokens_used` counts the tokens that the model wrote."""

    text: str
    tokens_used: int


class Info(BaseModel):
    """The model; `context_length` in tokens of prompt and answer, null where its server does not say."""

    model: str
    context_length: int | None


@router.post("/generate", response_model=GenerateResponse)
async def generate(body: GenerateRequest, request: Request) -> Response:
    """The answer as JSON, or as events `{"chunk"}` up to [DONE]. A client that leaves stops the model."""
    backend: Backend = request.app.state.backend
    prompt = Prompt(body.prompt, body.max_tokens, body.temperature)
    if body.stream:
        return await _stream(backend, prompt, request)
    with outcomes.counted(LLM_REQUESTS):
        async with Deadline(backend.answer_seconds).limit():
            completion = await until_disconnect(request, backend.generate(prompt))
    answer = GenerateResponse(text=completion.text, tokens_used=completion.tokens)
    return JSONResponse(answer.model_dump())


@router.get("/info")
async def info(request: Request) -> Info:
    """Which model answers, and how long a prompt and its answer may be; a 503 problem if it is away."""
    backend: Backend = request.app.state.backend
    return Info(model=backend.model, context_length=await backend.context_length())


@router.get("/health")
async def health(request: Request) -> dict[str, str]:
    """Whether the model answers, and which it is; a 503 problem if not."""
    backend: Backend = request.app.state.backend
    await check_ready(backend.ready)
    return {"status": "healthy", "model": backend.model}


async def _stream(backend: Backend, prompt: Prompt, request: Request) -> Response:
    pieces = Deadline(backend.answer_seconds).bound(backend.stream(prompt))
    # A failure before the first piece is still an HTTP status, not an event.
    with outcomes.counted(LLM_REQUESTS, success=False):
        first = await until_disconnect(request, _first(pieces))
    return stream(_events(first, pieces))


async def _first(pieces: AsyncGenerator[str]) -> str:
    return await anext(pieces, "")


async def _events(first: str, pieces: AsyncGenerator[str]) -> AsyncIterator[ServerSentEvent]:
    try:
        async with contextlib.aclosing(pieces):
            with outcomes.counted(LLM_REQUESTS):
                yield event({"chunk": first})
                async for piece in pieces:
                    yield event({"chunk": piece})
    except Problem as problem:
        yield event(problem.body(), "error")
    else:
        yield ServerSentEvent("[DONE]")
