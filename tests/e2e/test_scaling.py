"""KEDA scales the embedding pods on the length of ARQ's sorted set."""

import asyncio
from pathlib import Path

import pytest
from demo import corpus, spike
from demo.pipeline import Pipeline, Replicas
from demo.steps import Steps

from rag_cli.client import Client
from tests.e2e.redis import Redis

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_autoscaler_watches_the_embed_queue(pipeline: Pipeline, redis: Redis) -> None:
    name = f"{pipeline.name}-embedding"
    scaled = await pipeline.kube.get("scaledobject", name, pipeline.namespace)
    assert scaled
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "redis"
    assert trigger["metadata"]["listName"] == redis.embed_queue
    autoscaler = await pipeline.kube.get("hpa", scaled["status"]["hpaName"], pipeline.namespace)
    assert autoscaler
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == name
    assert (
        autoscaler["spec"]["metrics"][0]["external"]["metric"]["name"]
        in scaled["status"]["externalMetricNames"]
    )


@pytest.mark.timeout(2 * spike.TIMEOUT)
async def test_pods_follow_the_queue(
    pipeline: Pipeline, client: Client, redis: Redis, manual: Path, steps: Steps
) -> None:
    files = await corpus.parts(manual, spike.PARTS)
    seen = spike.Spike()
    with steps.step("Wait for one pod") as step:
        await spike.one_pod(pipeline, step)
    with steps.step("Raise the queue") as step:
        running = asyncio.create_task(spike.run(pipeline, client, files, seen, step))
        kind = await _kind_while(running, redis)
        await running
    assert kind == "zset"
    assert seen.peak >= 3
    assert seen.samples[-1].replicas == Replicas(1, 1)
    assert seen.samples[-1].completed == seen.uploaded


async def _kind_while(running: "asyncio.Task[None]", redis: Redis) -> str:
    """Returns the type of the queue's key in Redis as soon as there is one."""
    kind = "none"
    while kind == "none" and not running.done():
        (kind,) = await redis.cli("TYPE", redis.embed_queue)
    return kind
