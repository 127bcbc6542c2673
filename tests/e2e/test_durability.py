"""On a cluster too, nothing is lost or left behind when pods die, stores restart and replies are lost."""

import pytest
from demo.kube import Kube
from demo.steps import Steps

from tests.durability import corpus
from tests.durability.prove import Plan, prove
from tests.e2e.cluster_site import cluster_site
from tests.e2e.killing import Killer

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENTS = 40
PLAN = Plan(kills=8, away_seconds=20)


@pytest.mark.timeout(3600)
async def test_documents_are_whole_after_kills_restarts_and_lost_replies(
    kube: Kube, killer: Killer, steps: Steps
) -> None:
    files = await corpus.documents(DOCUMENTS)
    async with cluster_site(kube, killer, steps) as site, site.pipeline.api() as client:
        outcome = await prove(site, client, files, PLAN, steps)
    assert outcome.wrong == []
    assert outcome.completed == DOCUMENTS
