"""Documents embedded anew for another model, while questions are asked of which none may find nothing."""

import tempfile
import time
from pathlib import Path

from demo.steps import Steps

from rag_standins.models.minilm import CUT_ID, write_cut, write_minilm
from tests.durability import corpus
from tests.durability.answers import ask, questions
from tests.durability.local_site import local_site
from tests.durability.stores import Expected
from tests.durability.uploads import Uploads, upload_twice
from tests.patience import until
from tests.reindexing import asking

DOCUMENTS = 200
SEED = 3


async def reindex_figures(steps: Steps, documents: int = DOCUMENTS) -> dict[str, object]:
    """Returns the figures of docs/benchmarks/document-api.json that a re-index on local processes gives."""
    files = await corpus.documents(documents)
    asked = questions({file.stem: Expected.of(file) for file in files}, SEED)
    with tempfile.TemporaryDirectory() as name:
        site_folder, model, cut = (Path(name, part) for part in ("site", "model", "cut"))
        for folder in (site_folder, model, cut):
            folder.mkdir()
        write_minilm(model)
        write_cut(cut)
        async with local_site(site_folder, model) as (site, client):
            with steps.step(f"Upload {documents} documents"):
                await upload_twice(client, files, Uploads())

                async def completed() -> bool:
                    return (await client.stats()).searchable == documents

                await until(completed, pause=1)
            before = await ask(client, asked)
            with steps.step("Embed them for another model") as step:
                async with asking(client, asked) as answers:
                    started = time.monotonic()
                    index = await site.embed_anew(cut, CUT_ID)

                    async def switched() -> bool:
                        return (await client.stats()).index == index.id

                    await until(switched)
                    minutes = (time.monotonic() - started) / 60
                    await answers.more(2 * len(asked))
                    after = await ask(client, asked)
                verdicts = answers.judge(before, after)
                step.log(", ".join(f"{count} answers {kind}" for kind, count in sorted(verdicts.items())))
    return {
        "reindex_documents": documents,
        "reindex_questions": verdicts.total(),
        "reindex_empty_answers": verdicts["empty"] + verdicts["neither"],
        "reindex_documents_per_minute": round(documents / minutes),
    }
