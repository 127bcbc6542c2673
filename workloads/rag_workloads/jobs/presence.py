"""Who takes the entries of a queue: each consumer tells of itself again and again, and is gone if silent."""

import os
import socket
from typing import NamedTuple

from redis.asyncio import Redis

from rag_workloads.jobs import scripts

TELL_SECONDS = 5
GONE_SECONDS = 20


class Present(NamedTuple):
    """A consumer: how many entries it runs, as it told so many seconds ago."""

    name: str
    running: int
    seen_seconds: float


class Presence:
    """The consumers of one queue. Errors are redis-py's."""

    def __init__(self, redis: Redis, queue: str) -> None:
        self._redis, self._key = redis, f"{queue}:consumers"
        self._tell = redis.register_script(scripts.TELL)

    async def tell(self, name: str, running: int) -> None:
        """Say that a consumer is there, and how many entries it runs."""
        await self._tell([self._key], [name, running, GONE_SECONDS * 1000])

    async def leave(self, name: str) -> None:
        """Say that a consumer takes nothing any more."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hdel(self._key, name)
            await pipe.execute()

    async def now(self) -> list[Present]:
        """All consumers, by name."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.time()
            pipe.hgetall(self._key)
            (seconds, microseconds), told = await pipe.execute()
        now = seconds + microseconds / 1e6
        found = [_present(now, name.decode(), *map(int, text.split())) for name, text in told.items()]
        return sorted(each for each in found if each.seen_seconds <= GONE_SECONDS)


def own_name() -> str:
    """What this process is called among consumers: in a container, its only one, as the pod is."""
    host, process = socket.gethostname(), os.getpid()
    return host if process == 1 else f"{host}-{process}"


def _present(now: float, name: str, seen_ms: int, running: int) -> Present:
    return Present(name, running, max(0.0, round(now - seen_ms / 1000, 3)))
