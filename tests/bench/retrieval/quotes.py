"""Whether a sentence whose vector is stored with its chunk is quoted as well as one that is embedded anew."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from demo.steps import Steps
from qdrant_client import models

from rag_cli.client import Client
from rag_standins.models.minilm import write_minilm
from tests.bench.retrieval.asking import PASSAGES, fill
from tests.bench.retrieval.question_sets import MANUALS, Question
from tests.bench.retrieval.scores import Cited, Found, quote_agreement
from tests.durability.local_site import local_site
from tests.durability.stores import Stores


class Agreement(NamedTuple):
    """How often the answering sentence is quoted of a right page, each way."""

    stored: float
    embedded: float


async def agreement(steps: Steps) -> Agreement:
    """Returns it for all manuals, of the same passages."""
    manuals = [await manual.questions() for manual in MANUALS]
    questions = [question for manual in manuals for question in manual.questions]
    with tempfile.TemporaryDirectory() as name:
        site_folder, model = Path(name, "site"), Path(name, "model")
        site_folder.mkdir()
        model.mkdir()
        write_minilm(model)
        async with local_site(site_folder, model) as (site, client), site.stores() as stores:
            with steps.step("Read and embed the manuals for their quotes"):
                names, _ = await fill(client, [file for manual in manuals for file in manual.files])
            with steps.step("Quote by stored vectors, then by vectors of each sentence") as step:
                stored = quote_agreement(await _cited(client, names, questions))
                await _forget_sentences(stores)
                embedded = quote_agreement(await _cited(client, names, questions))
                step.log(f"{stored} and {embedded}")
    return Agreement(stored, embedded)


async def _cited(client: Client, names: dict[str, str], questions: list[Question]) -> list[Found]:
    """Returns the citations of all questions, in the search's own order, which no stored vector changes."""
    found = []
    for question in questions:
        answered = await client.answer(question.text, top_k=PASSAGES, rerank=False)
        cited = [Cited(names[each.document_id], each.page, each.quote) for each in answered.citations]
        found.append(Found(question, [], cited))
    return found


async def _forget_sentences(stores: Stores) -> None:
    """Takes the sentences' vectors from all points, as if an earlier release had written them."""
    everything = models.FilterSelector(filter=models.Filter())
    await stores.qdrant.delete_payload(stores.collection, ["sentence_spans", "sentence_vectors"], everything)
