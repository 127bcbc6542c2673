"""KEDA scales the embedding pods on the length of ARQ's sorted set."""

import asyncio
import base64
from pathlib import Path

import pytest
from demo import corpus, spike
from demo.client import Client
from demo.pipeline import Pipeline, Replicas
from demo.steps import Steps

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_autoscaler_watches_the_embed_queue(pipeline: Pipeline) -> None:
    name = f"{pipeline.name}-embedding"
    scaled = await pipeline.kube.get("scaledobject", name, pipeline.namespace)
    assert scaled
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "redis"
    assert trigger["metadata"]["listName"] == _queue(pipeline)
    autoscaler = await pipeline.kube.get("hpa", scaled["status"]["hpaName"], pipeline.namespace)
    assert autoscaler
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == name
    assert (
        autoscaler["spec"]["metrics"][0]["external"]["metric"]["name"]
        in scaled["status"]["externalMetricNames"]
    )


async def test_pods_follow_the_queue(pipeline: Pipeline, client: Client, manual: Path, steps: Steps) -> None:
    files = await corpus.parts(manual, spike.PARTS)
    seen = spike.Spike()
    with steps.step("Wait for one pod") as step:
        await spike.one_pod(pipeline, step)
    with steps.step("Raise the queue") as step:
        running = asyncio.create_task(spike.run(pipeline, client, files, seen, step))
        kind = await _kind_while(running, pipeline)
        await running
    assert kind == "zset"
    assert seen.samples[0].replicas.desired == 1
    assert seen.peak >= 3
    assert seen.samples[-1].replicas == Replicas(1, 1)
    assert seen.samples[-1].completed == seen.uploaded


async def _kind_while(running: "asyncio.Task[None]", pipeline: Pipeline) -> str:
    """Returns the type of the queue's key in Redis as soon as there is one."""
    secret = await pipeline.kube.get("secret", f"{pipeline.name}-queue", pipeline.namespace)
    assert secret
    password = base64.b64decode(secret["data"]["password"]).decode()
    redis = (
        "exec",
        "-n",
        pipeline.namespace,
        f"{pipeline.name}-redis-0",
        "--",
        "env",
        f"REDISCLI_AUTH={password}",
    )
    while not running.done():
        kind = (await pipeline.kube.kubectl(*redis, "redis-cli", "TYPE", _queue(pipeline))).strip()
        if kind != "none":
            return kind
        await asyncio.sleep(0.5)
    return "none"


def _queue(pipeline: Pipeline) -> str:
    return f"{pipeline.namespace}.{pipeline.name}:embed"
