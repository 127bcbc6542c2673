"""What a pipeline did in each minute of the last hour, kept in Redis: a small hash a minute, which expires.

Documents are counted by the scripts that end them, all else is looked at every few seconds.
"""

import time
from datetime import UTC, datetime

from pydantic import BaseModel
from redis.asyncio import Redis

from rag_contract.index import pipeline_of
from rag_workloads.library.scripts import MINUTES_KEPT

SHOWN = 60


class Minute(BaseModel):
    """Documents that ended in a minute, and how deep the embed queue was at its end, for how many pods.

    Depth and replicas are null where no worker was there to look.
    """

    minute: datetime
    completed: int = 0
    failed: int = 0
    queue_depth: int | None = None
    replicas: int | None = None


class Minutes:
    """The last hour of a pipeline, whichever index answers. Errors are redis-py's."""

    def __init__(self, redis: Redis, index: str) -> None:
        self._redis, self._prefix = redis, prefix(index)

    async def sample(self, queue_depth: int, replicas: int) -> None:
        """Note what the present minute has; the last look counts."""
        key = f"{self._prefix}{_now()}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping={"queue_depth": queue_depth, "replicas": replicas})
            pipe.expire(key, 60 * MINUTES_KEPT)
            await pipe.execute()

    async def last(self) -> list[Minute]:
        """The last hour, the present minute at its end."""
        now = _now()
        minutes = range(now - SHOWN + 1, now + 1)
        async with self._redis.pipeline(transaction=False) as pipe:
            for minute in minutes:
                pipe.hgetall(f"{self._prefix}{minute}")
            found = await pipe.execute()
        return [_minute(*each) for each in zip(minutes, found, strict=True)]


def prefix(index: str) -> str:
    """What the keys of an index' pipeline begin with; they end with minutes since 1970."""
    return f"{pipeline_of(index)}:minute:"


def _now() -> int:
    return int(time.time() // 60)


def _minute(minute: int, found: dict[bytes, bytes]) -> Minute:
    counts = {name.decode(): int(value) for name, value in found.items()}
    return Minute.model_validate({"minute": datetime.fromtimestamp(60 * minute, UTC), **counts})
