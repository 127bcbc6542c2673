"""The cluster that passes read from caches."""

import asyncio
from typing import cast

import pytest

from rag_operator.cached import CachedCluster
from rag_operator.transport import ClusterError, Transport

TURNS = 50


class Bare:
    """An API server without any optional kind."""

    async def request(self, *_: object, **__: object) -> None:
        raise ClusterError(404, "the server could not find the requested resource")


@pytest.mark.parametrize("moment", range(12))
async def test_following_ends_whenever_it_is_cancelled(moment: int) -> None:
    cluster = CachedCluster(cast(Transport, Bare()), [], lambda _: None)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(cluster.follow(tasks, 0, lambda: None))
        await turns(moment)
        following.cancel()
        await turns(TURNS)
        ended = following.done()
        while not following.done():
            following.cancel()
            await turns(1)
    assert ended


async def turns(count: int) -> None:
    """Let the loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)
