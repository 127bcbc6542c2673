"""The route that answers questions."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field
from sse_starlette import ServerSentEvent

from rag_workloads.api.answering import Answer, Answering, Asked, Outcome, whole
from rag_workloads.api.conversation import Turns
from rag_workloads.api.search_request import SearchRequest
from rag_workloads.api.serving import PartsAtHand
from rag_workloads.web import outcomes
from rag_workloads.web.deadlines import Deadline
from rag_workloads.web.disconnects import until_disconnect
from rag_workloads.web.metrics import QUESTIONS
from rag_workloads.web.problems import Problem, responses
from rag_workloads.web.streams import begun, event, stream

router = APIRouter(prefix="/api/v1", tags=["questions"])
outcomes.begin(QUESTIONS)


class Question(SearchRequest):
    """What a client asks: it is looked for, and answered from what is found.

    `messages` are the turns before it, the oldest first: a question that points back to them is looked for
    with those that it points to.
    """

    messages: Turns = Field(default=[])
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
    asked = Asked(question.search(parts.settings), question.messages)
    pieces = Deadline(parts.settings.answer_seconds).bound(Answering(parts).answer(asked))
    if question.stream:
        with outcomes.counted(QUESTIONS, success=False):
            pieces = await begun(request, pieces)
        return stream(_events(pieces))
    with outcomes.counted(QUESTIONS):
        text, outcome = await until_disconnect(request, whole(pieces))
    answer = Answer(
        answer=text,
        citations=outcome.citations,
        retrieval=outcome.retrieval,
        timings=outcome.timings,
    )
    return JSONResponse(answer.model_dump())


async def _events(pieces: AsyncGenerator[str | Outcome]) -> AsyncIterator[ServerSentEvent]:
    try:
        async with contextlib.aclosing(pieces):
            with outcomes.counted(QUESTIONS):
                async for piece in pieces:
                    if isinstance(piece, str):
                        yield event({"chunk": piece})
                    else:
                        outcome = piece
    except Problem as problem:
        yield event(problem.body(), "error")
    else:
        yield event({"citations": [each.model_dump() for each in outcome.citations]}, "citations")
        yield event({"retrieval": outcome.retrieval.model_dump(), "timings": outcome.timings}, "done")
