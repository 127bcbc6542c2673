"""Nothing is lost, repeated or left behind when processes die, stores restart and replies are lost."""

from pathlib import Path

import pytest
from demo.steps import Steps
from tests.durability import corpus
from tests.durability.local_site import local_site
from tests.durability.prove import Plan, prove

DOCUMENTS = 40
PLAN = Plan(kills=8, away_seconds=20)


@pytest.mark.timeout(3600)
async def test_documents_are_whole_after_kills_restarts_and_lost_replies(
    model_folder: Path, tmp_path: Path
) -> None:
    files = await corpus.documents(DOCUMENTS)
    async with local_site(tmp_path, model_folder) as (site, client):
        outcome = await prove(site, client, files, PLAN, Steps())
    assert outcome.wrong == []
    assert outcome.completed == DOCUMENTS
