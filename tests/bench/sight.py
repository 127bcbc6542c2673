"""What alerts and dashboards see of a pipeline on the cluster, with a real Prometheus."""

from demo import corpus, install, story
from demo.ingest import ingest
from demo.steps import Steps
from demo.target import LocalCluster

from tests.e2e.breaking import break_and_mend
from tests.e2e.sight import load, panels, watched


async def measure(steps: Steps) -> dict[str, object]:
    """Returns the figures of docs/benchmarks/sight.json that a run on the local cluster gives."""
    cluster = LocalCluster()
    await story.prepare(cluster, steps)
    pipeline = await install.apply_quickstart(cluster.kube, steps)
    manual = await corpus.policy_manual()
    async with pipeline.api() as client:
        with steps.step("Upload the manual") as step:
            await ingest(client, manual, corpus.MANUAL_ID, step)
    async with watched(cluster, pipeline, steps) as sight:
        await load(sight, manual, steps)
        empty = await sight.without_data()
        return {
            "alerts": len(await sight.rules()),
            "alerts_fired_for_real": len(await break_and_mend(sight, steps)),
            "panels": len(list(panels())),
            "panels_with_data": len(list(panels())) - len(empty),
        }
