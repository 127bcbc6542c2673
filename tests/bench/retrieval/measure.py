"""All figures of finding, in one run."""

import tempfile
from pathlib import Path

from demo.steps import Steps

from tests.bench.answers import first_token
from tests.bench.retrieval import matrix, throughput, xquad
from tests.bench.retrieval.asking import MODELS
from tests.bench.retrieval.question_sets import MANUALS
from tests.bench.retrieval.quotes import agreement

# That of the sets at the top of the figures.
FIRST, *OTHERS = MODELS


async def measure(steps: Steps, folder: Path) -> dict[str, object]:
    """Returns the figures of docs/benchmarks/retrieval.json; XQuAD's are left out where it is not there."""
    with tempfile.TemporaryDirectory() as texts:
        sets = [await manual.questions() for manual in MANUALS]
        if xquad.there(folder):
            sets += [xquad.load(folder, language, Path(texts)) for language in xquad.LANGUAGES]
        else:
            steps.console.print(f"[yellow]XQuAD is not in {folder}: its sets are left out.[/]")
        measured = {model: await matrix.measure(steps, sets, model) for model in MODELS}
    stages = {model: each.stage_ms() for model, each in measured.items()}
    citations = sum(each.citations for each in measured.values())
    wrong = [cited for each in measured.values() for cited in each.not_verbatim]
    for cited in wrong:
        steps.console.print(f"Not verbatim: {cited}", markup=False, soft_wrap=True)
    agreed = await agreement(steps)
    return {
        "model": FIRST,
        **measured[FIRST].figures(),
        "other_models": {model: measured[model].figures() for model in OTHERS},
        "questions": {each.name: len(each.questions) for each in sets},
        "stage_ms": stages,
        "citations": citations,
        "quotes_verbatim": round(1 - len(wrong) / citations, 5),
        "quote_agreement": agreed.stored,
        "quote_agreement_embedded": agreed.embedded,
        **await speed(steps),
    }


async def speed(steps: Steps) -> dict[str, object]:
    """Returns the figures that a machine with other work would spoil."""
    speeds = {model: await throughput.measure(steps, model) for model in MODELS}
    asked = await MANUALS[0].questions()
    return {
        "chunks": speeds[FIRST].chunks,
        "questions_per_second_8_clients": speeds[FIRST].per_second,
        "questions_per_second_by_model": {model: each.per_second for model, each in speeds.items()},
        "citations_ms": max(each.citations_ms for each in speeds.values()),
        **await first_token(steps, asked.files, [question.text for question in asked.questions]),
    }
