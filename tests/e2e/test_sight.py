"""A real Prometheus and its operator take up what is made for them, and see what happens to a pipeline."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from demo.pipeline import Pipeline
from demo.steps import Steps

from tests.e2e.breaking import break_and_mend
from tests.e2e.sight import Sight, load, watched

pytestmark = pytest.mark.asyncio(loop_scope="session")

# What has no series while all is well.
ONLY_WHEN_BROKEN = {
    "ragpipeline_failed_passes": "a pipeline has it from a pass that failed until one that succeeds"
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sight(pipeline: Pipeline, manual: Path, steps: Steps) -> AsyncIterator[Sight]:
    """The quickstart, seen through Prometheus, after some load."""
    async with watched(pipeline, steps) as sight:
        await load(sight, manual, steps)
        yield sight


async def test_every_metric_of_a_rule_or_panel_is_scraped(sight: Sight) -> None:
    assert await sight.unscraped() <= set(ONLY_WHEN_BROKEN)


async def test_each_panel_shows_data(sight: Sight) -> None:
    assert not await sight.without_data()


async def test_alerts_fire_when_something_breaks_and_clear_when_it_is_mended(
    sight: Sight, steps: Steps
) -> None:
    broken = {"NotReady", "QuestionsFail", "RedisMemory", "VectorStoreAway"}
    assert await break_and_mend(sight, steps) == broken
