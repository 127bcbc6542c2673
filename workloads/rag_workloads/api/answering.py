"""A question's way to its answer: retrieve, gather evidence, ask the model."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import httpx
from pydantic import BaseModel

from rag_workloads import tracing
from rag_workloads.api.evidence import Citation, Evidence, gather_evidence
from rag_workloads.api.parts import Parts
from rag_workloads.api.prompt import prompts
from rag_workloads.api.retrieval import Report, Search
from rag_workloads.api.stopwatch import Stopwatch
from rag_workloads.clients.llm import LlmClient, PromptRefused
from rag_workloads.web import metrics
from rag_workloads.web.problems import Problem, Unavailable

T = TypeVar("T")
# Asks a model about a prompt, with so many tokens at most, at a temperature.
Ask = Callable[[LlmClient, str, int, float], Awaitable[T]]

NOTHING_FOUND = "Nothing in the documents answers this question."


class Answer(BaseModel):
    """`answer` is null where the pipeline has no language model; `timings` are seconds by step."""

    answer: str | None
    citations: list[Citation]
    retrieval: Report
    timings: dict[str, float]


@dataclass(frozen=True)
class Prepared:
    """A question with its evidence, which is empty where there is nothing to ask the model about."""

    question: str
    evidence: Evidence
    report: Report
    watch: Stopwatch


class Answering:
    """Answers questions. Raises Unavailable for "embedding", "vector-store" or "llm"."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._retrieval = parts.retrieval
        self._llm = parts.llm
        self._characters = settings.context_characters
        self._max_tokens, self._temperature = settings.answer_max_tokens, settings.answer_temperature

    async def prepare(self, search: Search) -> Prepared:
        """Everything up to the model."""
        watch = Stopwatch()
        with watch.time("retrieval") as span, tracing.current(span):
            found = await self._retrieval.search(search)
        evidence = Evidence([], [])
        if found.hits:
            with watch.time("citations") as span, tracing.current(span):
                evidence = await gather_evidence(self._retrieval, found)
        metrics.CITATIONS.observe(len(evidence.citations))
        watch.seconds |= found.seconds
        return Prepared(search.text, evidence, found.report, watch)

    async def answer(self, search: Search) -> Answer:
        """The whole answer."""
        prepared = await self.prepare(search)
        text: str | None = None
        if not prepared.evidence.sentences:
            text = NOTHING_FOUND
        elif self._llm is not None:
            with prepared.watch.time("generation") as span, _llm_errors(), tracing.current(span):
                text = await self._ask(prepared, self._llm, _whole)
        return Answer(
            answer=text,
            citations=prepared.evidence.citations,
            retrieval=prepared.report,
            timings=prepared.watch.seconds,
        )

    async def stream(self, prepared: Prepared) -> AsyncGenerator[str]:
        """The model's answer piece by piece; nothing at all without a model."""
        if not prepared.evidence.sentences:
            yield NOTHING_FOUND
        elif self._llm is not None:
            with prepared.watch.time("generation") as span, _llm_errors():
                with tracing.current(span):
                    first, pieces = await self._ask(prepared, self._llm, _begun)
                async with contextlib.aclosing(pieces):
                    yield first
                    async for piece in pieces:
                        yield piece

    async def _ask(self, prepared: Prepared, llm: LlmClient, ask: Ask[T]) -> T:
        """Ask the model, with a shorter passage for each prompt that it refuses; raise its last refusal."""
        context = await llm.context_length()
        # Half of the context at most is for the answer: else there were no room to ask about anything.
        max_tokens = min(self._max_tokens, context // 2) if context else self._max_tokens
        room = context - max_tokens if context else None
        refusal: Problem | None = None
        sentences = [source.text for source in prepared.evidence.sentences]
        written = prompts(prepared.question, sentences, self._characters, room)
        for prompt in await asyncio.to_thread(list, written):
            try:
                return await ask(llm, prompt, max_tokens, self._temperature)
            except PromptRefused as error:
                refusal = error
        raise refusal or LookupError("there was nothing to ask")


async def _whole(llm: LlmClient, prompt: str, max_tokens: int, temperature: float) -> str:
    text, _ = await llm.generate(prompt, max_tokens, temperature)
    return text.strip()


async def _begun(
    llm: LlmClient, prompt: str, max_tokens: int, temperature: float
) -> tuple[str, AsyncGenerator[str]]:
    """The first piece and the rest: a prompt is refused before there is any."""
    pieces = llm.stream(prompt, max_tokens, temperature)
    return await anext(pieces, ""), pieces


@contextlib.contextmanager
def _llm_errors() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise Unavailable("llm", str(error) or type(error).__name__) from error
