"""The demo from an empty cluster to pods that scaled up and down again."""

import asyncio
import time

from rag_cli.client import Client

from . import corpus, install, said, spike
from .ingest import ingest
from .paths import TIMINGS
from .pipeline import Pipeline
from .questions import ask_all
from .steps import Steps
from .target import Target


async def up(target: Target, steps: Steps) -> None:
    """Runs the whole demo and writes its times to build/demo-timings.json; raises DemoError."""
    await prepare(target, steps)
    pipeline = await install.apply_quickstart(target.kube, steps)
    async with pipeline.api() as client:
        with steps.step("Upload Debian's policy manual and follow it") as step:
            await ingest(client, await corpus.policy_manual(), corpus.MANUAL_ID, step)
        with steps.section("Ask three questions"):
            answers = await ask_all(client, steps.console)
        seen = await spike_and_chart(pipeline, client, steps)
    with steps.section("What metrics and alerts said of it"):
        await said.show(pipeline, time.monotonic() - steps.started, steps.console)
    steps.write(
        TIMINGS,
        apply_to_ready_seconds=steps.timings[install.READY_STEP],
        spike_to_third_pod_seconds=round(seen.to_third_pod_seconds or 0, 2),
        spike_peak_pods=seen.peak,
        spike_deepest_queue=seen.deepest,
        spike_documents=seen.uploaded,
        answers=[
            {"question": a.question.question, "right_page": a.right_page, "seconds": a.seconds}
            for a in answers
        ],
    )
    farewell(target, pipeline, steps)


async def prepare(target: Target, steps: Steps) -> None:
    """Brings cluster, images, what serves the operator, it and the manual, side by side where possible."""
    async with asyncio.TaskGroup() as group:
        group.create_task(fetch_manual(steps))
        built = group.create_task(install.build_images(steps, *target.image_options))
        await target.start(steps)
        group.create_task(target.keda(steps))
        monitored = group.create_task(target.prometheus(steps))
        await built
        await target.deliver_images(steps)
        await monitored  # the chart brings the operator's own PodMonitor where that kind is known
        await install.install_operator(target.kube, steps)


async def fetch_manual(steps: Steps) -> None:
    """Fetches Debian's policy manual and cuts the parts of the spike from it."""
    with steps.step("Fetch Debian's policy manual"):
        await corpus.parts(await corpus.policy_manual(), spike.PARTS)


async def spike_and_chart(pipeline: Pipeline, client: Client, steps: Steps) -> spike.Spike:
    """Drives the queue up until pods are added; while they work it off, installs the second chart."""
    files = await corpus.parts(await corpus.policy_manual(), spike.PARTS)
    seen = spike.Spike()

    async def chart_once_scaled() -> None:
        await seen.enough.wait()
        with steps.step("helm install charts/ragpipeline, until Ready, then uninstall") as step:
            await install.install_chart(pipeline.kube, step)
            await install.uninstall_chart(pipeline.kube)

    with steps.step("Wait for one embedding pod") as step:
        await spike.one_pod(pipeline, step)
    async with asyncio.TaskGroup() as group:
        group.create_task(chart_once_scaled())
        with steps.step("Raise the queue and watch KEDA") as step:
            await spike.run(pipeline, client, files, seen, step)
    steps.console.print(
        f"  {seen.uploaded} of {seen.uploaded} documents completed, up to {seen.deepest} batches in the queue"
        f" and {seen.peak} pods, the third ready after {seen.to_third_pod_seconds:.0f} s"
    )
    return seen


def farewell(target: Target, pipeline: Pipeline, steps: Steps) -> None:
    """Prints how to reach the API, and how to remove everything."""
    steps.console.rule("It is still running")
    steps.console.print(
        f"""[dim]# let kubectl find the cluster[/]
{target.shell_setup}

[dim]# see how it is, ask, and upload a document of yours, or a folder[/]
.venv/bin/ragpipeline status {pipeline.name} -n {pipeline.namespace}
.venv/bin/ragpipeline ask "Who maintains a package?" -n {pipeline.namespace}
.venv/bin/ragpipeline upload FILE.pdf -n {pipeline.namespace}

[dim]# or forward a port to the API: http://127.0.0.1:8000/docs[/]
kubectl port-forward -n {pipeline.namespace} service/{pipeline.name}-api 8000:8000 &
curl -fsS -N -H 'Content-Type: application/json' http://127.0.0.1:8000/api/v1/query \\
  -d '{{"query": "Who maintains a package?", "stream": true}}'
curl -fsS -F file=@FILE.pdf http://127.0.0.1:8000/api/v1/documents/upload

[dim]# remove everything[/]
make demo-down{target.make_arguments}""",
        soft_wrap=True,
    )
