"""What breaks for real in a pipeline on a cluster, which alerts fire then, and how it is mended."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from demo.pipeline import Pipeline
from demo.steps import Steps

from rag_cli.client import Client
from tests.e2e.redis import redis_of
from tests.e2e.sight import PAUSE_SECONDS, Sight
from tests.patience import until

MISSING_IMAGE = "localhost/is-nowhere:1"
FAILED_QUESTIONS = 10
KEY = "tests.sight."
# In small pieces: Redis' allocator rounds a large one up to more than there is.
FILL = """
local pieces = 0
while tonumber(redis.call('INFO', 'memory'):match('used_memory:(%d+)')) < tonumber(ARGV[1]) do
    pieces = pieces + 1
    redis.call('SETRANGE', KEYS[1] .. pieces, 4000000, 'x')
end
return pieces
"""


async def break_and_mend(sight: Sight, steps: Steps) -> set[str]:
    """Returns the alerts that fired as something was broken, and cleared as it was mended."""
    pipeline = sight.pipeline
    memory, stores = {"RedisMemory"}, {"NotReady", "VectorStoreAway", "QuestionsFail"}
    with steps.step("Redis is nearly full, and Qdrant's image is nowhere"):
        await asyncio.gather(
            sight.fire_and_clear(redis_nearly_full(pipeline), memory),
            sight.fire_and_clear(asked_in_vain(pipeline), stores),
        )
    return memory | stores


@asynccontextmanager
async def asked_in_vain(pipeline: Pipeline) -> AsyncIterator[None]:
    """Takes the vector store away, and asks until some questions have failed for that."""
    async with pipeline.api() as client, image_missing(pipeline, "qdrant"):
        await until(lambda: _fails(client), PAUSE_SECONDS)
        for _ in range(FAILED_QUESTIONS):
            assert await _fails(client)
        yield


async def _fails(client: Client) -> bool:
    try:
        await client.answer("What is a policy?")
    except httpx.HTTPStatusError as error:
        return error.response.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return False


@asynccontextmanager
async def image_missing(pipeline: Pipeline, part: str) -> AsyncIterator[None]:
    """Rolls a store out to an image that is nowhere, and back."""
    await _set_image(pipeline, part, MISSING_IMAGE)
    try:
        yield
    finally:
        await _set_image(pipeline, part, None)
        # A StatefulSet waits for the pod that cannot start, and does not replace it by itself.
        await pipeline.kube.kubectl(
            "delete", "pod", f"{pipeline.name}-{part}-0", "--namespace", pipeline.namespace
        )


async def _set_image(pipeline: Pipeline, part: str, image: str | None) -> None:
    patch = json.dumps({"spec": {"images": {part: image}}})
    where = ("--namespace", pipeline.namespace, "--type", "merge", "--patch", patch)
    await pipeline.kube.kubectl("patch", "ragpipeline", pipeline.name, *where)


@asynccontextmanager
async def redis_nearly_full(pipeline: Pipeline) -> AsyncIterator[None]:
    """Fills a pipeline's Redis to nine tenths of its limit, and takes what was put there out again."""
    redis = await redis_of(pipeline)
    (_, limit) = await redis.cli("CONFIG", "GET", "maxmemory")
    (count,) = await redis.cli("EVAL", FILL, "1", KEY, str(int(limit) * 9 // 10))
    try:
        yield
    finally:
        await redis.cli("DEL", *(f"{KEY}{number}" for number in range(1, int(count) + 1)))
