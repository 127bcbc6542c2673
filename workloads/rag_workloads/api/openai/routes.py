"""GET /v1/models and POST /v1/chat/completions."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sse_starlette import ServerSentEvent

from rag_contract.index import pipeline_of
from rag_workloads.api.answering import Answering, Asked, Outcome, whole
from rag_workloads.api.openai.errors import ErrorBody, OpenAiRoute, error_of
from rag_workloads.api.openai.shapes import (
    ChatRequest,
    Completion,
    Head,
    Model,
    Models,
    finish_reason,
)
from rag_workloads.api.parts import Parts
from rag_workloads.api.search_request import SearchRequest
from rag_workloads.api.serving import PartsAtHand
from rag_workloads.web import outcomes
from rag_workloads.web.deadlines import Deadline
from rag_workloads.web.disconnects import until_disconnect
from rag_workloads.web.metrics import QUESTIONS
from rag_workloads.web.problems import Problem
from rag_workloads.web.streams import begun, done, event, stream

ERROR = {"model": ErrorBody, "description": "An error"}
CHUNKS = {"description": "JSON or events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}

router = APIRouter(
    prefix="/v1",
    tags=["openai"],
    route_class=OpenAiRoute,
    responses={"4XX": ERROR, "5XX": ERROR},
)


@router.get("/models")
async def models(parts: PartsAtHand) -> Models:
    """The pipeline, by its name; none where it has no language model."""
    return Models(data=[Model(id=_name(parts))] if parts.llm else [])


@router.post("/chat/completions", response_model=Completion, responses={200: CHUNKS})
async def complete(asked: ChatRequest, request: Request, parts: PartsAtHand) -> Response:
    """Answer from the documents, as JSON or, with `stream`, as events of pieces up to `[DONE]`.

    `citations` are beside `choices`, in a stream with the piece that has the `finish_reason`.
    """
    if parts.llm is None or asked.model != _name(parts):
        raise _unknown(asked.model, parts)
    question = Asked(
        SearchRequest(query=asked.question).search(parts.settings),
        turns=asked.turns,
        instructions=asked.instructions,
        max_tokens=asked.max_completion_tokens or asked.max_tokens,
        temperature=asked.temperature,
        stop=asked.stop,
    )
    pieces = Deadline(parts.settings.answer_seconds).bound(Answering(parts).answer(question))
    head = Head(asked.model)
    if asked.stream:
        with outcomes.counted(QUESTIONS, success=False):
            pieces = await begun(request, pieces)
        return stream(_events(head, pieces, usage=asked.usage_wanted))
    with outcomes.counted(QUESTIONS):
        text, outcome = await until_disconnect(request, whole(pieces))
    return JSONResponse(head.completion(text or "", outcome).model_dump())


def _name(parts: Parts) -> str:
    """What the resource is called: its namespace has no full stop."""
    return pipeline_of(parts.settings.pipeline).partition(".")[2] or parts.settings.pipeline


def _unknown(model: str, parts: Parts) -> Problem:
    there_is = f"There is {_name(parts)!r}." if parts.llm else "This pipeline has no language model."
    return Problem(404, "model-not-found", "Not found", f"There is no model {model!r} here. {there_is}")


async def _events(
    head: Head, pieces: AsyncGenerator[str | Outcome], *, usage: bool
) -> AsyncIterator[ServerSentEvent]:
    role = {"role": "assistant", "content": ""}
    try:
        async with contextlib.aclosing(pieces):
            with outcomes.counted(QUESTIONS):
                yield event(head.chunk(role))
                async for piece in pieces:
                    if isinstance(piece, str):
                        yield event(head.chunk({"content": piece}))
                        continue
                    cited = [each.model_dump() for each in piece.citations]
                    yield event(head.chunk({}, finish_reason(piece), citations=cited))
                    if usage:
                        yield event(head.usage(piece))
    except Problem as problem:
        yield event(error_of(problem).model_dump())
    yield done()
