"""What alerts and dashboards see of a pipeline, how its routes spread load, and how quick its page is."""

import asyncio

from demo import corpus, install, story
from demo.ingest import ingest
from demo.kube import Kube
from demo.steps import Steps
from demo.target import LocalCluster

from tests.browser.measures import citation_to_marked_page_ms, list_100k_first_paint_ms
from tests.e2e import routes
from tests.e2e.breaking import break_and_mend
from tests.e2e.sight import load, panels, watched


async def measure(steps: Steps) -> dict[str, object]:
    """Returns the figures of docs/benchmarks/sight.json; the page's first, while nothing else runs."""
    page = {
        "citation_to_marked_page_ms": await asyncio.to_thread(citation_to_marked_page_ms),
        "list_100k_first_paint_ms": await asyncio.to_thread(list_100k_first_paint_ms),
    }
    cluster = LocalCluster()
    await story.prepare(cluster, steps)
    return {**await _watch(cluster.kube, steps), **await routes.measure(cluster.kube, steps), **page}


async def _watch(kube: Kube, steps: Steps) -> dict[str, object]:
    pipeline = await install.apply_quickstart(kube, steps)
    manual = await corpus.policy_manual()
    async with pipeline.api() as client:
        with steps.step("Upload the manual") as step:
            await ingest(client, manual, corpus.MANUAL_ID, step)
    async with watched(pipeline, steps) as sight:
        await load(sight, manual, steps)
        empty = await sight.without_data()
        return {
            "alerts": len(await sight.rules()),
            "alerts_fired_for_real": len(await break_and_mend(sight, steps)),
            "panels": len(list(panels())),
            "panels_with_data": len(list(panels())) - len(empty),
        }
