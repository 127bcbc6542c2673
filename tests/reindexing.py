"""Questions asked all the time while documents are embedded anew: each is answered from one index, whole."""

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rag_cli.answers import Answered, Citation
from tests.durability.answers import Answers, same
from tests.durability.uploads import answered
from tests.patience import until

PAUSE_SECONDS = 0.05


@dataclass
class Asked:
    """Every answer, in the order in which they came: the question and its citations; and refusals by kind."""

    answers: list[tuple[str, list[Citation]]] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)

    async def more(self, count: int) -> None:
        """Waits until so many more answers have come."""
        wanted = len(self.answers) + count

        async def there() -> bool:
            return len(self.answers) >= wanted

        await until(there)

    def judge(self, before: Answers, after: Answers) -> Counter[str]:
        """Returns how many answers were those of the index before, of the one after, empty, or neither."""
        return Counter(_kind(citations, before[asked], after[asked]) for asked, citations in self.answers)


class Asks(Protocol):
    """What answers questions."""

    async def answer(self, question: str) -> Answered:
        """A whole answer."""


@asynccontextmanager
async def asking(client: Asks, questions: list[str]) -> AsyncIterator[Asked]:
    """Asks one question after another while the body runs; what is refused is asked again."""
    asked = Asked()

    async def ask_for_ever() -> None:
        while True:
            for question in questions:
                answer = await answered(functools.partial(client.answer, question), asked.refusals)
                asked.answers.append((question, answer.citations))
                await asyncio.sleep(PAUSE_SECONDS)

    asker = asyncio.create_task(ask_for_ever())
    try:
        yield asked
    finally:
        asker.cancel()
        await asyncio.gather(asker, return_exceptions=True)
    if not asker.cancelled() and (error := asker.exception()):
        raise error


def _kind(citations: list[Citation], before: list[Citation], after: list[Citation]) -> str:
    if not citations:
        return "empty"
    for kind, expected in (("before", before), ("after", after)):
        if same(expected, citations):
            return kind
    return "neither"
