"""The route that answers questions."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError
from sse_starlette import ServerSentEvent

from rag_workloads.api.answering import Answer, Answering, Prepared
from rag_workloads.api.serving import PartsAtHand
from rag_workloads.web import outcomes
from rag_workloads.web.deadlines import Deadline
from rag_workloads.web.disconnects import until_disconnect
from rag_workloads.web.metrics import QUESTIONS
from rag_workloads.web.problems import Problem, responses
from rag_workloads.web.streams import event, stream

router = APIRouter(prefix="/api/v1", tags=["questions"])
outcomes.begin(QUESTIONS)


# Named one by one: a pattern's own class of them means something else in each language.
BLANKS = " \t\r\n"


def _stripped(text: str) -> str:
    if stripped := text.strip(BLANKS):
        return stripped
    raise PydanticCustomError("blank", "String should have at least 1 character that is no blank")


def _integer(value: Any) -> Any:
    """JSON has one kind of number: 5.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Question(BaseModel):
    """What a client asks."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: Annotated[
        str,
        StringConstraints(min_length=1, max_length=4000),
        AfterValidator(_stripped),
        Field(json_schema_extra={"pattern": f"[^{BLANKS}]"}),
    ]
    top_k: Annotated[int, Field(ge=1, le=100), BeforeValidator(_integer)] | None = None
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
    top_k = question.top_k or parts.settings.retrieval_top_k
    if not question.stream:
        with outcomes.counted(QUESTIONS):
            async with deadline.limit():
                answer = await until_disconnect(request, answering.answer(question.query, top_k))
        return JSONResponse(answer.model_dump())
    with outcomes.counted(QUESTIONS, success=False):
        async with deadline.limit():
            prepared = await until_disconnect(request, answering.prepare(question.query, top_k))
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
    yield event({"timings": prepared.watch.seconds}, "done")
