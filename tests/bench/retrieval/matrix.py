"""Every set by every mode, of one model: side by side, question by question."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.errors import DemoError
from demo.steps import Steps

from tests.bench.retrieval.asking import MODES, Asked, library
from tests.bench.retrieval.pages import misplaced, not_verbatim
from tests.bench.retrieval.question_sets import QuestionSet
from tests.bench.retrieval.scores import Cited, quote_agreement, summary

COMPARED = [mode for mode in MODES if mode != "default"]


@dataclass
class Matrix:
    """The answers of a model, by set and mode; the citations of all, and those that are not verbatim."""

    answers: dict[str, dict[str, list[Asked]]] = field(default_factory=dict)
    citations: int = 0
    not_verbatim: list[Cited] = field(default_factory=list)

    def figures(self) -> dict[str, dict[str, dict[str, float]]]:
        """Returns the figures by set and mode."""
        return {
            name: {mode: summary([each.found for each in asked]) for mode, asked in modes.items()}
            for name, modes in self.answers.items()
        }

    def stage_ms(self) -> dict[str, dict[str, float]]:
        """Returns the milliseconds of each stage by mode, the median over all questions."""
        return {
            mode: medians([each for modes in self.answers.values() for each in modes[mode]])
            for mode in COMPARED
        }


async def measure(steps: Steps, sets: Sequence[QuestionSet], model: str) -> Matrix:
    """Asks all sets by all modes."""
    matrix = Matrix()
    for asked in sets:
        if wrong := misplaced(asked):
            raise DemoError("\n".join(["these words are not where the questions say:", *wrong]))
        answers: dict[str, list[Asked]] = {mode: [] for mode in COMPARED}
        async with library(steps, asked, model) as pipeline:
            with steps.step(f"Ask {len(asked.questions)} questions of {asked.name} by {model}") as step:
                for number, question in enumerate(asked.questions, 1):
                    for mode in COMPARED:
                        answers[mode].append(await pipeline.ask(question, mode))
                    step.say(f"{number} asked")
                for mode, each in answers.items():
                    step.log(f"{mode}: {told(each)}")
        cited = list({cited for each in answers.values() for one in each for cited in one.found.citations})
        matrix.answers[asked.name] = answers
        matrix.citations += len(cited)
        matrix.not_verbatim += not_verbatim(asked, cited)
    return matrix


def medians(asked: Sequence[Asked]) -> dict[str, float]:
    """Returns the milliseconds of each stage, the median over questions."""
    stages = {stage: [each.seconds.get(stage, 0) for each in asked] for stage in asked[0].seconds}
    return {stage: round(statistics.median(seconds) * 1000, 1) for stage, seconds in stages.items()}


def told(asked: Sequence[Asked]) -> str:
    """Returns the figures of a mode as a line."""
    found = [each.found for each in asked]
    figures = summary(found) | {"quote_agreement": quote_agreement(found)}
    scores = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
    return f"{scores}; " + ", ".join(f"{stage} {ms:.1f} ms" for stage, ms in medians(asked).items())
