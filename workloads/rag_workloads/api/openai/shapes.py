"""What OpenAI's protocol sends and answers, as far as a pipeline makes use of it."""

import time
import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from rag_workloads.api.answering import Outcome
from rag_workloads.api.conversation import MOST_CHARACTERS, MOST_TURNS, Turn
from rag_workloads.api.evidence import Citation
from rag_workloads.clients.generation import FinishReason

MOST_MESSAGES = MOST_TURNS + 8
MOST_QUESTION = 4000
MOST_STOPS = 4


def _text(content: Any) -> Any:
    """The text of a message that has parts, or none; one with another part is refused as it is."""
    if isinstance(content, list) and all(isinstance(part, dict) and "text" in part for part in content):
        return "\n".join(str(part["text"]) for part in content)
    return "" if content is None else content


def _listed(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop or []


class ChatMessage(BaseModel):
    """What one side said. A system's message stands before the pipeline's own prompt."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_text), StringConstraints(max_length=MOST_CHARACTERS)] = ""


class StreamOptions(BaseModel):
    """What a stream tells besides."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A conversation whose last message is the question. Fields that are not named here are ignored.

    `max_tokens` and `max_completion_tokens` can ask for less than the pipeline's `maxTokens`, not for more.
    """

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    stop: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]],
        BeforeValidator(_listed),
        Field(max_length=MOST_STOPS),
    ] = []

    @model_validator(mode="after")
    def _ends_with_a_question(self) -> Self:
        last = self.messages[-1]
        if last.role != "user" or not last.content.strip() or len(last.content) > MOST_QUESTION:
            raise ValueError(
                f"the last message must be the user's question, of 1 to {MOST_QUESTION} characters"
            )
        return self

    @property
    def question(self) -> str:
        """What is asked."""
        return self.messages[-1].content.strip()

    @property
    def turns(self) -> list[Turn]:
        """What was said before."""
        before = self.messages[:-1]
        said = [
            Turn(role=each.role, content=each.content)
            for each in before
            if each.role in ("user", "assistant") and each.content
        ]
        return said[-MOST_TURNS:]

    @property
    def instructions(self) -> str:
        """What the systems say."""
        return "\n".join(each.content for each in self.messages if each.role in ("system", "developer"))

    @property
    def usage_wanted(self) -> bool:
        """Whether a stream ends with what it took."""
        return self.stream_options is not None and self.stream_options.include_usage


class Usage(BaseModel):
    """Tokens of the prompt, the passages with it, and of the answer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """What an answer took; nothing where no model was asked."""
        read = outcome.ending.prompt_tokens if outcome.ending else 0
        written = outcome.ending.tokens_used if outcome.ending else 0
        return cls(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


class AnswerMessage(BaseModel):
    """The answer; its marks, such as [1], count the citations."""

    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: FinishReason


class Completion(BaseModel):
    """A whole answer. `citations` is not OpenAI's: they are those of `POST /api/v1/query`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    citations: list[Citation]


class Model(BaseModel):
    """The pipeline."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "ragpipeline"


class Models(BaseModel):
    """The models that there are: the pipeline, if it has a language model."""

    object: Literal["list"] = "list"
    data: list[Model]


class Head:
    """What all parts of one answer begin with."""

    def __init__(self, model: str) -> None:
        self.id, self.created, self.model = f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), model

    def completion(self, text: str, outcome: Outcome) -> Completion:
        """The whole answer."""
        choice = Choice(message=AnswerMessage(content=text), finish_reason=finish_reason(outcome))
        return Completion(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=[choice],
            usage=Usage.of(outcome),
            citations=outcome.citations,
        )

    def chunk(
        self, delta: dict[str, str], finish_reason: FinishReason | None = None, **more: Any
    ) -> dict[str, Any]:
        """A piece of a streamed one."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._chunk([choice], **more)

    def usage(self, outcome: Outcome) -> dict[str, Any]:
        """What a stream took, as its last piece says it."""
        return self._chunk([], usage=Usage.of(outcome).model_dump())

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        kind = "chat.completion.chunk"
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return {**head, "choices": choices, **more}


def finish_reason(outcome: Outcome) -> FinishReason:
    """Why the answer is no longer."""
    return outcome.ending.finish_reason if outcome.ending else "stop"
