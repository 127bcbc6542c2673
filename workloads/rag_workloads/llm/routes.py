"""POST /generate, GET /info and GET /health."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sse_starlette import ServerSentEvent

from rag_workloads.clients.generation import Ending, Prompt
from rag_workloads.llm.backend import Backend
from rag_workloads.web import outcomes
from rag_workloads.web.deadlines import Deadline
from rag_workloads.web.disconnects import until_disconnect
from rag_workloads.web.metrics import LLM_REQUESTS
from rag_workloads.web.problems import Problem
from rag_workloads.web.service import check_ready
from rag_workloads.web.streams import begun, done, event, stream

router = APIRouter()
outcomes.begin(LLM_REQUESTS)


class GenerateRequest(Prompt):
    """What a client asks for."""

    stream: bool = False


class GenerateResponse(Ending):
    """A whole answer."""

    text: str


class Info(BaseModel):
    """The model; `context_length` in tokens of prompt and answer, null where its server does not say."""

    model: str
    context_length: int | None


@router.post("/generate", response_model=GenerateResponse)
async def generate(body: GenerateRequest, request: Request) -> Response:
    """The answer as JSON, or as events: `{"chunk"}`..., then how it ended, then [DONE].

    A client that leaves stops the model.
    """
    backend: Backend = request.app.state.backend
    pieces = Deadline(backend.answer_seconds).bound(backend.stream(body))
    if body.stream:
        with outcomes.counted(LLM_REQUESTS, success=False):
            pieces = await begun(request, pieces)
        return stream(_events(pieces))
    with outcomes.counted(LLM_REQUESTS):
        whole = await until_disconnect(request, _whole(pieces))
    return JSONResponse(whole.model_dump())


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


async def _whole(pieces: AsyncGenerator[str | Ending]) -> GenerateResponse:
    text, ending = list[str](), Ending()
    async for piece in pieces:
        if isinstance(piece, Ending):
            ending = piece
        else:
            text.append(piece)
    return GenerateResponse(text="".join(text), **ending.model_dump())


async def _events(pieces: AsyncGenerator[str | Ending]) -> AsyncIterator[ServerSentEvent]:
    try:
        async with contextlib.aclosing(pieces):
            with outcomes.counted(LLM_REQUESTS):
                async for piece in pieces:
                    yield event(piece.model_dump() if isinstance(piece, Ending) else {"chunk": piece})
    except Problem as problem:
        yield event(problem.body(), "error")
    else:
        yield done()
