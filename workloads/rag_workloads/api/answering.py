"""A question's way to its answer: retrieve, gather evidence, ask the model."""

import contextlib
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel

from rag_workloads.api.evidence import Citation, Evidence, gather_evidence
from rag_workloads.api.parts import Parts
from rag_workloads.api.prompt import build_prompt
from rag_workloads.api.retrieval import Retrieval
from rag_workloads.web.problems import Unavailable

NOTHING_FOUND = "Nothing in the documents answers this question."


class Answer(BaseModel):
    """`answer` is null where the pipeline has no language model; `timings` are seconds by step."""

    answer: str | None
    citations: list[Citation]
    timings: dict[str, float]


@dataclass
class Stopwatch:
    """Seconds by step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def time(self, step: str) -> Iterator[None]:
        """Time a step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = round(time.perf_counter() - start, 4)


@dataclass(frozen=True)
class Prepared:
    """A question with its citations; `prompt` is None where there is nothing to ask the model about."""

    prompt: str | None
    citations: list[Citation]
    watch: Stopwatch


class Answering:
    """Answers questions. Raises Unavailable for "embedding", "vector-store" or "llm"."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._retrieval = Retrieval(
            parts.embedding, parts.library.vectors, settings.retrieval_score_threshold
        )
        self._llm = parts.llm
        self._context_characters = settings.context_characters
        self._max_tokens, self._temperature = settings.answer_max_tokens, settings.answer_temperature

    async def prepare(self, question: str, top_k: int) -> Prepared:
        """Everything up to the model."""
        watch = Stopwatch()
        with watch.time("retrieval"):
            found = await self._retrieval.search(question, top_k)
        if not found.hits:
            return Prepared(None, [], watch)
        with watch.time("citations"):
            evidence: Evidence = await gather_evidence(self._retrieval, found)
        prompt = build_prompt(question, evidence.sentences, self._context_characters)
        return Prepared(prompt, evidence.citations, watch)

    async def answer(self, question: str, top_k: int) -> Answer:
        """The whole answer."""
        prepared = await self.prepare(question, top_k)
        text = await self._generate(prepared)
        return Answer(answer=text, citations=prepared.citations, timings=prepared.watch.seconds)

    async def stream(self, prepared: Prepared) -> AsyncGenerator[str]:
        """The model's answer piece by piece; nothing at all without a model."""
        if prepared.prompt is None:
            yield NOTHING_FOUND
        elif self._llm is not None:
            pieces = self._llm.stream(prepared.prompt, self._max_tokens, self._temperature)
            with prepared.watch.time("generation"), _llm_errors():
                async with contextlib.aclosing(pieces):
                    async for piece in pieces:
                        yield piece

    async def _generate(self, prepared: Prepared) -> str | None:
        if prepared.prompt is None:
            return NOTHING_FOUND
        if self._llm is None:
            return None
        with prepared.watch.time("generation"), _llm_errors():
            text, _ = await self._llm.generate(prepared.prompt, self._max_tokens, self._temperature)
        return text.strip()


@contextlib.contextmanager
def _llm_errors() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise Unavailable("llm", str(error) or type(error).__name__) from error
