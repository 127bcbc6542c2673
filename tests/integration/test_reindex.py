"""Another model's index takes over while questions are asked, documents come and go, and processes die."""

import random
from pathlib import Path

import pymupdf
import pytest
from tests.durability import corpus
from tests.durability.answers import ask, questions
from tests.durability.local_site import LocalSite, local_site
from tests.durability.stores import Expected, compare
from tests.patience import until
from tests.reindexing import asking

from rag_cli.client import Client
from rag_standins.models.minilm import CUT_ID, write_cut

DOCUMENTS, COMING, GOING = 16, 6, 3
SEED = 7


@pytest.fixture(scope="module")
def cut_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose vectors are shorter than MiniLM's."""
    folder = tmp_path_factory.mktemp("cut")
    write_cut(folder)
    return folder


def notes(folder: Path, count: int) -> list[Path]:
    """PDFs that no question is about."""
    folder.mkdir()
    files = [folder / f"{corpus.PREFIX}note-{folder.name}-{number}.pdf" for number in range(count)]
    for file in files:
        with pymupdf.open() as pdf:
            pdf.new_page().insert_text((72, 72), f"The zebra {file.stem} sleeps under the baobab at noon.")
            pdf.save(file)
    return files


async def ingest(client: Client, files: list[Path]) -> None:
    """Uploads files, and waits until all are completed."""
    for file in files:
        uploaded = await client.upload(file, file.stem)
        async for status in client.follow(uploaded.task_id):
            last = status
        assert last.status == "completed", last.error


async def disturb(site: LocalSite, client: Client, files: list[Path], going: list[Path]) -> None:
    """Uploads and deletes while what embeds anew is killed."""
    chance = random.Random(SEED)
    for at, file in enumerate(files):
        await client.upload(file, file.stem)
        if at < len(going):
            await client.delete(going[at].stem)
        await site.kill(("next-worker", "next-embedding", "worker")[at % 3], chance)


@pytest.mark.timeout(1800)
async def test_no_question_is_answered_from_an_empty_or_a_mixed_index(
    model_folder: Path, cut_model: Path, tmp_path: Path
) -> None:
    files = await corpus.documents(DOCUMENTS)
    going, coming = notes(tmp_path / "going", GOING), notes(tmp_path / "coming", COMING)
    (site_folder := tmp_path / "site").mkdir()
    async with local_site(site_folder, model_folder) as (site, client):
        await ingest(client, [*files, *going])
        expected = {file.stem: Expected.of(file) for file in files}
        asked = questions(expected, SEED)
        before = await ask(client, asked)
        async with asking(client, asked) as answers:
            index = await site.embed_anew(cut_model, CUT_ID)
            await disturb(site, client, coming, going)

            async def switched() -> bool:
                return (await client.stats()).index == index.id

            await until(switched)
            await answers.more(2 * len(asked))
            after = await ask(client, asked)
        verdicts = answers.judge(before, after)
        assert set(verdicts) == {"before", "after"}, verdicts
        await ingest(client, coming)  # known, or on their way
        expected |= {file.stem: Expected.of(file) for file in coming}

        async def differs_in_nothing() -> bool:
            async with site.stores(index) as stores:
                return (await compare(stores, expected)).all == []

        await until(differs_in_nothing, pause=1)
        async with site.stores() as stores:
            assert not await stores.qdrant.collection_exists(stores.collection)
        stats = await client.stats()
        assert (stats.reindex, stats.embedding_model) == (None, CUT_ID)
        assert stats.documents["completed"] == DOCUMENTS + COMING
