"""How quickly passages are found, by clients that each ask again as soon as they are answered, and cited."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import NamedTuple

from demo import corpus
from demo.steps import Steps

from tests.bench.retrieval.asking import PASSAGES, Library, library
from tests.bench.retrieval.matrix import medians
from tests.bench.retrieval.question_sets import MANUALS, Manual, Question, QuestionSet

CLIENTS = 8
CHUNKS = 10_000
# Nobody asks about it: it makes them so many.
FILLING = Manual("zsh", "zsh-doc", "usr/share/doc/zsh-common/zsh.pdf")
SECONDS = 20.0
# Before what is counted, so that nothing is read for the first time.
WARM_SECONDS = 3.0


class Speed(NamedTuple):
    """Retrievals in a second, of a pipeline of so many chunks, and milliseconds of a question's citations."""

    per_second: float
    chunks: int
    citations_ms: float


async def measure(steps: Steps, model: str) -> Speed:
    """Returns how quickly a pipeline of at least CHUNKS chunks answers."""
    manuals = [await manual.questions() for manual in MANUALS]
    files = [
        await corpus.r_manual(),
        await FILLING.fetch(),
        *(file for manual in manuals for file in manual.files),
    ]
    questions = [question for manual in manuals for question in manual.questions]
    async with library(steps, QuestionSet("many", files, questions), model) as asked:
        if asked.chunks < CHUNKS:
            raise ValueError(f"only {asked.chunks} chunks")
        with steps.step(f"{CLIENTS} clients ask a pipeline of {asked.chunks} chunks") as step:
            await _answered(asked, questions, WARM_SECONDS)
            rate = await _answered(asked, questions, SECONDS) / SECONDS
            step.log(f"{rate:.1f} retrievals a second")
        with steps.step(f"Cite {PASSAGES} passages for each of {len(questions)} questions") as step:
            citations = medians([await asked.ask(question, "default") for question in questions])["citations"]
            step.log(f"{citations} ms")
    return Speed(round(rate, 1), asked.chunks, citations)


async def _answered(asked: Library, questions: list[Question], seconds: float) -> int:
    """Returns how many questions are answered in a time."""
    until = time.monotonic() + seconds
    turns = itertools.cycle(questions)
    counts = await asyncio.gather(*(_ask_until(asked, turns, until) for _ in range(CLIENTS)))
    return sum(counts)


async def _ask_until(asked: Library, turns: Iterator[Question], until: float) -> int:
    answered = 0
    while time.monotonic() < until:
        await asked.retrieve(next(turns).text, "default")
        answered += 1
    return answered
