"""Asks some sets in some modes: `PYTHONPATH=hack python -m tests.bench.retrieval policy --mode dense`."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from demo.steps import Steps

from tests.bench.retrieval import xquad
from tests.bench.retrieval.asking import MINILM, MODELS, MODES, library
from tests.bench.retrieval.matrix import told
from tests.bench.retrieval.pages import misplaced, not_verbatim
from tests.bench.retrieval.question_sets import MANUALS, QuestionSet
from tests.bench.retrieval.scores import Found

SETS = [manual.name for manual in MANUALS] + [f"xquad_{language}" for language in xquad.LANGUAGES]


def main(
    names: Annotated[list[str], typer.Argument(metavar="SET...", help=f"Any of {', '.join(SETS)}.")],
    modes: Annotated[
        str, typer.Option("--mode", help=f"Any of {', '.join(MODES)}, with commas between.")
    ] = "default",
    model: Annotated[str, typer.Option(help=f"One of {', '.join(MODELS)}.")] = MINILM,
    folder: Annotated[Path, typer.Option("--xquad", help="Folder with XQuAD.")] = xquad.FOLDER,
    missed: Annotated[bool, typer.Option(help="Show the questions whose first citation is wrong.")] = False,
) -> None:
    """Asks all questions of sets and shows how good what is found is."""
    with tempfile.TemporaryDirectory() as texts:
        for name in names:
            asked = asyncio.run(question_set(name, folder, Path(texts)))
            asyncio.run(show(asked, modes.split(","), model, missed))


async def question_set(name: str, folder: Path, texts: Path) -> QuestionSet:
    """Returns a set by its name; paragraphs become files in the folder `texts`."""
    for manual in MANUALS:
        if manual.name == name:
            return await manual.questions()
    return xquad.load(folder, name.removeprefix("xquad_"), texts)


async def show(asked: QuestionSet, modes: list[str], model: str, missed: bool) -> None:
    """Asks a set in some modes."""
    steps = Steps()
    for words in misplaced(asked):
        steps.console.print(f"Not there: {words}", markup=False)
    async with library(steps, asked, model) as pipeline:
        for mode in modes:
            with steps.step(f"Ask {len(asked.questions)} questions of {asked.name}, {mode}") as step:
                answers = [await pipeline.ask(question, mode) for question in asked.questions]
                step.log(f"{told(answers)}; {pipeline.chunks} chunks")
                cited = {cited for each in answers for cited in each.found.citations}
                for cite in not_verbatim(asked, list(cited)):
                    steps.console.print(f"Not verbatim: {cite}", markup=False, soft_wrap=True)
                for each in answers if missed else []:
                    if not each.found.first_right():
                        steps.console.print(_missed(each.found), markup=False, soft_wrap=True)


def _missed(found: Found) -> str:
    cited = ", ".join(f"{cited.document} {cited.page}" for cited in found.citations[:3])
    right = ", ".join(str(place.page) for place in found.question.places)
    return f"{found.question.text} On {right}, cited: {cited}"


if __name__ == "__main__":
    typer.run(main)
