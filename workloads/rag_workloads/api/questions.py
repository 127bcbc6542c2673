"""The route that answers questions."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sse_starlette import ServerSentEvent

from rag_workloads.api.answering import Answer, Answering, Prepared
from rag_workloads.api.search_request import SearchRequest
from rag_workloads.api.serving import PartsAtHand
from rag_workloads.web import outcomes
from rag_workloads.web.deadlines import Deadline
from rag_workloads.web.disconnects import until_disconnect
from rag_workloads.web.metrics import QUESTIONS
from rag_workloads.web.problems import Problem, responses
from rag_workloads.web.streams import event, stream

router = APIRouter(prefix="/api/v1", tags=["questions"])
outcomes.begin(QUESTIONS)


class Question(SearchRequest):
    """What a client asks: it is looked for, and answered from what is found."""

    stream: bool = False


EVENT_SCHEMA = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "event": {"enum": ["message", "citations", "done", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
EVENTS = {"description": "JSON or events", "content": {"text/event-stream": {"schema": EVENT_SCHEMA}}}


@router.post(
    "/query", response_model=Answer, responses={200: EVENTS, **responses(400, 408, 413, 415, 502, 504)}
)
async def ask(question: Question, request: Request, parts: PartsAtHand) -> Response:
    """Answer as JSON or, with `stream`, as events: `{"chunk"}`..., then `citations`, then `done`.

    A client that leaves stops the model. A failure is a problem, after the first event an event `error`.
    """
    answering, deadline = Answering(parts), Deadline(parts.settings.answer_seconds)
    search = question.search(parts.settings)
    if not question.stream:
        with outcomes.counted(QUESTIONS):
            async with deadline.limit():
                answer = await until_disconnect(request, answering.answer(search))
        return JSONResponse(answer.model_dump())
    with outcomes.counted(QUESTIONS, success=False):
        async with deadline.limit():
            prepared = await until_disconnect(request, answering.prepare(search))
        pieces = deadline.bound(answering.stream(prepared))
        first = await until_disconnect(request, _first(pieces))
    return stream(_events(first, pieces, prepared))


async def _first(pieces: AsyncGenerator[str]) -> str | None:
    return await anext(pieces, None)


async def _events(
    first: str | None, pieces: AsyncGenerator[str], prepared: Prepared
) -> AsyncIterator[ServerSentEvent]:
    try:
        with outcomes.counted(QUESTIONS):
            async with contextlib.aclosing(pieces):
                if first is not None:
                    yield event({"chunk": first})
                async for piece in pieces:
                    yield event({"chunk": piece})
    except Problem as problem:
        yield event(problem.body(), "error")
        return
    yield event(
        {"citations": [citation.model_dump() for citation in prepared.evidence.citations]}, "citations"
    )
    yield event({"retrieval": prepared.report.model_dump(), "timings": prepared.watch.seconds}, "done")
