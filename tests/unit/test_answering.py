"""What is asked of a model that refuses prompts."""

import threading
from collections.abc import AsyncGenerator

import pytest
from tests.unit.threads import threads_of

from rag_workloads.api import prompt
from rag_workloads.api.answering import Answering, Prepared
from rag_workloads.api.evidence import Evidence, Source
from rag_workloads.api.prompt import TRIES
from rag_workloads.api.retrieval import Report, Search
from rag_workloads.api.stopwatch import Stopwatch
from rag_workloads.clients.llm import LlmClient, PromptRefused

SEARCH = Search("Why?", 5)
SENTENCES = [f"This is sentence number {number:02} of the passage." for number in range(40)]


class Narrow(LlmClient):
    """Refuses prompts of more than `characters`; tells its context only if it has one."""

    def __init__(self, characters: int, context: int | None = None) -> None:
        self.characters, self.context = characters, context
        self.asked: list[tuple[int, int]] = []

    async def context_length(self) -> int | None:
        return self.context

    async def generate(self, prompt: str, max_tokens: int, temperature: float) -> tuple[str, int]:
        self.asked.append((len(prompt), max_tokens))
        if len(prompt) > self.characters:
            raise PromptRefused(422, "prompt-refused", "Refused", "it exceeds the context")
        return "whole ", 1

    async def stream(self, prompt: str, max_tokens: int, temperature: float) -> AsyncGenerator[str]:
        await self.generate(prompt, max_tokens, temperature)
        yield "in "
        yield "pieces"


class Asking(Answering):
    """Asks about what it is given."""

    def __init__(self, llm: LlmClient) -> None:
        self._llm, self._characters = llm, 2000
        self._max_tokens, self._temperature = 256, 0

    async def prepare(self, search: Search) -> Prepared:
        sources = [Source(1, sentence) for sentence in SENTENCES]
        return Prepared(search.text, Evidence([], sources), Report(mode=search.mode), Stopwatch())


async def answers(llm: LlmClient) -> tuple[str | None, str]:
    """The whole answer, and the streamed one."""
    asking = Asking(llm)
    whole = await asking.answer(SEARCH)
    prepared = await asking.prepare(SEARCH)
    return whole.answer, "".join([piece async for piece in asking.stream(prepared)])


async def test_a_prompt_that_is_refused_is_followed_by_a_shorter_one() -> None:
    llm = Narrow(characters=700)
    assert await answers(llm) == ("whole", "in pieces")
    lengths = [length for length, _ in llm.asked]
    assert lengths[:3] == lengths[3:], "streamed or not, the same is asked"
    assert lengths[0] > lengths[1] > 700 > lengths[2]


async def test_no_prompt_is_written_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threads_of(monkeypatch, prompt, "choose")
    assert await answers(Narrow(characters=2000)) == ("whole", "in pieces")
    assert threads
    assert threading.current_thread() not in threads


@pytest.mark.parametrize("stream", [False, True])
async def test_the_last_refusal_is_the_answer(stream: bool) -> None:
    llm = Narrow(characters=10)
    asking = Asking(llm)
    prepared = await asking.prepare(SEARCH)
    ask = anext(asking.stream(prepared)) if stream else asking.answer(SEARCH)
    with pytest.raises(PromptRefused, match="exceeds the context"):
        await ask
    assert len(llm.asked) == TRIES


async def test_an_answer_may_have_half_of_a_known_context() -> None:
    llm = Narrow(characters=2000, context=400)
    assert (await answers(llm))[0] == "whole"
    assert {max_tokens for _, max_tokens in llm.asked} == {200}
    assert len(llm.asked) == 2, "what is known to be too long is not asked"
