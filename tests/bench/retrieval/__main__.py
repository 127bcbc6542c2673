"""Asks one set in one mode: `PYTHONPATH=hack python -m tests.bench.retrieval policy --mode dense`."""

import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from demo.steps import Steps

from tests.bench.retrieval import xquad
from tests.bench.retrieval.asking import MODELS, MODES, library
from tests.bench.retrieval.question_sets import MANUALS, QuestionSet
from tests.bench.retrieval.scores import quote_agreement, summary

SETS = [manual.name for manual in MANUALS] + [f"xquad_{language}" for language in xquad.LANGUAGES]


def main(
    names: Annotated[list[str], typer.Argument(metavar="SET...", help=f"Any of {', '.join(SETS)}.")],
    modes: Annotated[
        str, typer.Option("--mode", help=f"Any of {', '.join(MODES)}, with commas between.")
    ] = "default",
    model: Annotated[str, typer.Option(help=f"One of {', '.join(MODELS)}.")] = "minilm",
    folder: Annotated[Path, typer.Option("--xquad", help="Folder with XQuAD.")] = xquad.FOLDER,
    missed: Annotated[bool, typer.Option(help="Show the questions whose first citation is wrong.")] = False,
) -> None:
    """Asks all questions of sets and shows how good what is found is."""
    with tempfile.TemporaryDirectory() as texts:
        for name in names:
            asyncio.run(
                show(asyncio.run(question_set(name, folder, Path(texts))), modes.split(","), model, missed)
            )


async def question_set(name: str, folder: Path, texts: Path) -> QuestionSet:
    """Returns a set by its name; paragraphs become files in the folder `texts`."""
    for manual in MANUALS:
        if manual.name == name:
            return await manual.questions()
    return xquad.load(folder, name.removeprefix("xquad_"), texts)


async def show(asked: QuestionSet, modes: list[str], model: str, missed: bool) -> None:
    """Asks a set in some modes."""
    steps = Steps()
    async with library(steps, asked, model) as found_in:
        for mode in modes:
            with steps.step(f"Ask {len(asked.questions)} questions of {asked.name}, {mode}") as step:
                answers = [await found_in.ask(question, mode) for question in asked.questions]
                found = [each.found for each in answers]
                figures = {**summary(found), "quote_agreement": quote_agreement(found)}
                step.log(" ".join(f"{name} {value:.3f}" for name, value in figures.items()))
                stages = {
                    stage: [each.seconds.get(stage, 0) for each in answers] for stage in answers[0].seconds
                }
                step.log(
                    " ".join(
                        f"{stage} {statistics.median(each) * 1000:.1f} ms" for stage, each in stages.items()
                    )
                )
                for each in found if missed else []:
                    if not each.first_right():
                        cited = [(cited.document, cited.page) for cited in each.citations[:3]]
                        step.log(
                            f"{each.question.text} {[place.page for place in each.question.places]} {cited}"
                        )


if __name__ == "__main__":
    typer.run(main)
