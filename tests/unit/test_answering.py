"""What is asked of a model, and what becomes of its answer."""

import threading
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.threads import threads_of

from rag_workloads.api import prompt
from rag_workloads.api.answering import TRIES, Answering, Asked, Outcome, whole
from rag_workloads.api.evidence import Citation, Evidence, Source
from rag_workloads.api.refusals import REFUSALS
from rag_workloads.api.retrieval import Report, Search
from rag_workloads.api.stopwatch import Stopwatch
from rag_workloads.clients.generation import Ending, Prompt
from rag_workloads.clients.llm import LlmClient, PromptRefused
from rag_workloads.clients.tokens import TokenEstimate

SOURCES = [Source(1, f"This is sentence number {number:02} of the passage.") for number in range(40)]
CITED = Citation(
    document_id="d", file_name="f", page=1, heading=None, line=None, chunk_id="c", score=1, quote="Yes."
)
ENDING = Ending(prompt_tokens=10, tokens_used=2)


class Narrow(LlmClient):
    """Refuses prompts of more than `characters`; tells its context only if it has one."""

    def __init__(self, characters: int, context: int | None = None, answer: str = "in pieces") -> None:
        self.characters, self.context, self.said = characters, context, answer
        self.estimate = TokenEstimate()
        self.asked: list[Prompt] = []

    async def context_length(self) -> int | None:
        return self.context

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str | Ending]:
        self.asked.append(prompt)
        if len(prompt.prompt) > self.characters:
            raise PromptRefused(422, "prompt-refused", "Refused", "it exceeds the context")
        for word in self.said.split(" "):
            yield f"{word} "
        yield ENDING


class Asking(Answering):
    """Asks about what it is given."""

    def __init__(self, llm: LlmClient | None, sources: list[Source] = SOURCES) -> None:
        self._llm, self._sources = llm, sources
        self._settings: Any = SimpleNamespace(
            answer_template=None, context_characters=2000, answer_max_tokens=256, answer_temperature=0
        )

    async def _gather(self, asked: Asked, watch: Stopwatch) -> tuple[Evidence, Report]:
        return Evidence([CITED] if self._sources else [], self._sources), Report(mode="hybrid")


async def answered(llm: LlmClient | None, **more: Any) -> tuple[str | None, Outcome]:
    return await whole(Asking(llm).answer(Asked(Search("Why?", 5), **more)))


async def test_a_prompt_that_is_refused_is_followed_by_a_shorter_one() -> None:
    llm = Narrow(characters=900)
    text, outcome = await answered(llm)
    assert (text, outcome.citations, outcome.ending) == ("in pieces", [CITED], ENDING)
    lengths = [len(each.prompt) for each in llm.asked]
    assert lengths[0] > lengths[1] > 900 > lengths[2]


async def test_no_prompt_is_written_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threads_of(monkeypatch, prompt, "choose")
    assert (await answered(Narrow(characters=5000)))[0] == "in pieces"
    assert threads
    assert threading.current_thread() not in threads


async def test_the_last_refusal_is_the_answer() -> None:
    llm = Narrow(characters=10)
    with pytest.raises(PromptRefused, match="exceeds the context"):
        await answered(llm)
    assert len(llm.asked) == TRIES


async def test_an_answer_may_have_half_of_a_known_context() -> None:
    llm = Narrow(characters=5000, context=600)
    assert (await answered(llm))[0] == "in pieces"
    (asked,) = llm.asked
    assert asked.max_tokens == 256
    assert len(asked.prompt) < 1000, "what is known to be too long is not asked"


async def test_a_question_may_ask_for_less_than_the_pipeline_gives_and_not_for_more() -> None:
    llm = Narrow(characters=5000)
    await answered(llm, max_tokens=8, temperature=0.5, stop=["."])
    await answered(llm, max_tokens=1000)
    assert [(a.max_tokens, a.temperature, a.stop) for a in llm.asked] == [(8, 0.5, ["."]), (256, 0, [])]


async def test_a_model_that_finds_nothing_cites_nothing() -> None:
    text, outcome = await answered(Narrow(characters=5000, answer=REFUSALS["en"]))
    assert (text, outcome.citations) == (REFUSALS["en"], [])
    assert outcome.ending == ENDING


async def test_where_nothing_is_found_no_model_is_asked() -> None:
    llm = Narrow(characters=5000)
    text, outcome = await whole(Asking(llm, []).answer(Asked(Search("为什么？", 5))))
    assert (text, outcome.citations, outcome.ending) == (REFUSALS["zh"], [], None)
    assert llm.asked == []


async def test_without_a_model_the_citations_are_the_answer() -> None:
    text, outcome = await answered(None)
    assert (text, outcome.citations) == (None, [CITED])
