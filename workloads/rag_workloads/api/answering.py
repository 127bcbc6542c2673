"""A question's way to its answer: retrieve, gather evidence, ask the model, mark what it wrote."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

from pydantic import BaseModel

from rag_workloads import tracing
from rag_workloads.api.conversation import Turn, search_text, told
from rag_workloads.api.drafts import Draft
from rag_workloads.api.evidence import Citation, Evidence, gather_evidence
from rag_workloads.api.marks import Marks
from rag_workloads.api.parts import Parts
from rag_workloads.api.prompt import as_data
from rag_workloads.api.refusals import refusal
from rag_workloads.api.retrieval import Report, Search
from rag_workloads.api.stopwatch import Stopwatch
from rag_workloads.clients.generation import Ending, Prompt
from rag_workloads.clients.llm import LlmClient, PromptRefused
from rag_workloads.web import metrics
from rag_workloads.web.streams import with_first

# How often a model is asked that refuses its prompts.
TRIES = 5


class Answer(BaseModel):
    """`answer` is null where the pipeline has no language model; its marks, such as [1], count `citations`.

    Where the documents do not answer the question, `answer` says so, and there are no citations.
    `timings` are seconds by step.
    """

    answer: str | None
    citations: list[Citation]
    retrieval: Report
    timings: dict[str, float]


@dataclass(frozen=True)
class Asked:
    """A question with what was said before it, and how it is to be answered; None: as the pipeline does."""

    search: Search
    turns: list[Turn] = field(default_factory=list)
    instructions: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    stop: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What is known of an answer once its last piece has come; `ending` is None if no model was asked."""

    citations: list[Citation]
    retrieval: Report
    timings: dict[str, float]
    ending: Ending | None = None


class Answering:
    """Answers questions. Raises Unavailable for "embedding", "vector-store" or "llm", or PromptRefused."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._retrieval, self._llm = parts.retrieval, parts.llm

    async def answer(self, asked: Asked) -> AsyncGenerator[str | Outcome]:
        """The answer piece by piece, none without a model; then what it came to."""
        watch = Stopwatch()
        evidence, report = await self._gather(asked, watch)
        ending: Ending | None = None
        if not evidence.sentences:
            yield refusal(asked.search.text)
        elif self._llm is not None:
            marks = Marks(evidence.sentences)
            with watch.time("generation") as span:
                with tracing.current(span):
                    pieces = await self._begin(asked, evidence, self._llm)
                async with contextlib.aclosing(pieces):
                    async for piece in pieces:
                        if isinstance(piece, Ending):
                            ending, text = piece, marks.end()
                        else:
                            text = marks.feed(piece)
                        if text:
                            yield text
            if marks.refused:
                evidence = Evidence([], [])
        metrics.CITATIONS.observe(len(evidence.citations))
        yield Outcome(evidence.citations, report, watch.seconds, ending)

    async def _gather(self, asked: Asked, watch: Stopwatch) -> tuple[Evidence, Report]:
        """All that is found of a question, and how."""
        search = replace(asked.search, text=search_text(asked.search.text, asked.turns))
        with watch.time("retrieval") as span, tracing.current(span):
            found = await self._retrieval.search(search)
        watch.seconds |= found.seconds
        if not found.hits:
            return Evidence([], []), found.report
        with watch.time("citations") as span, tracing.current(span):
            return await gather_evidence(self._retrieval, found), found.report

    async def _begin(self, asked: Asked, evidence: Evidence, llm: LlmClient) -> AsyncGenerator[str | Ending]:
        """The model's words, about less for each prompt that it refuses; raises its last refusal."""
        draft = self._draft(asked, evidence)
        if context := await llm.context_length():
            draft = await asyncio.to_thread(draft.within, context, llm.estimate.tokens)
        for attempt in itertools.count(1):
            prompt = await asyncio.to_thread(draft.written)
            pieces = llm.stream(self._prompt(asked, prompt, draft.max_tokens))
            try:
                return with_first(await anext(pieces), pieces)
            except PromptRefused as error:
                known = error.prompt_tokens, error.context_length or context
                shorter = draft.shortened(len(prompt), *known)
                if shorter is None or attempt == TRIES:
                    raise
                draft = shorter
        raise AssertionError("there is always another attempt")

    def _draft(self, asked: Asked, evidence: Evidence) -> Draft:
        settings = self._settings
        most = settings.answer_max_tokens
        parts = {
            "question": as_data(asked.search.text),
            "history": told(asked.turns),
            "refusal": refusal(asked.search.text),
        }
        return Draft(
            as_data(asked.instructions),
            settings.answer_template,
            parts,
            evidence.sentences,
            settings.context_characters,
            min(asked.max_tokens or most, most),
        )

    def _prompt(self, asked: Asked, text: str, max_tokens: int) -> Prompt:
        temperature = self._settings.answer_temperature if asked.temperature is None else asked.temperature
        return Prompt(prompt=text, max_tokens=max_tokens, temperature=temperature, stop=asked.stop)


async def whole(pieces: AsyncGenerator[str | Outcome]) -> tuple[str | None, Outcome]:
    """All of an answer at once."""
    text = list[str]()
    async for piece in pieces:
        if isinstance(piece, Outcome):
            return "".join(text) or None, piece
        text.append(piece)
    raise AssertionError("an outcome is the last piece")
