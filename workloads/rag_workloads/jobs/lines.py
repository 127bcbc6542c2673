"""What stands on a queue now: how much waits, runs or is put off, and the first of it."""

from typing import Literal, NamedTuple, cast

from arq.constants import job_key_prefix
from redis.asyncio import Redis

from rag_workloads.jobs import scripts

Doing = Literal["waiting", "running", "deferred"]


class Queued(NamedTuple):
    """An entry of a queue: its job, what it does, and for how many seconds it has been there."""

    job_id: str
    doing: Doing
    age_seconds: float


class Line(NamedTuple):
    """Entries of one queue by what they do, for how long the one that waits longest has, and the first."""

    waiting: int
    running: int
    deferred: int
    oldest_seconds: float
    first: list[Queued]


class Lines:
    """Looks at queues. Errors are redis-py's."""

    def __init__(self, redis: Redis) -> None:
        self._look = redis.register_script(scripts.LOOK)

    async def of(self, queue: str, first: int = 0) -> Line:
        """A queue in detail, and so many of its entries: those that run, that wait, that are put off."""
        now, waiting, running, deferred, oldest_ms, told = await self._look([queue], [first, job_key_prefix])
        entries = [
            Queued(job_id.decode(), cast(Doing, doing.decode()), _age(now, end))
            for job_id, doing, end in told
        ]
        return Line(waiting, running, deferred, oldest_ms / 1000, entries)


def _age(now: int, end: bytes) -> float:
    """By what a payload ends with, in ARQ's form: when it was queued, in ms."""
    return max(0, now - int.from_bytes(end)) / 1000 if end else 0
