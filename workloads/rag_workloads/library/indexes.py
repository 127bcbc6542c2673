"""The indexes of a pipeline in Redis: which there are, which of them answers, and which are to go."""

import time
from collections.abc import Sequence
from typing import NamedTuple, Self

from redis.asyncio import Redis

from rag_contract.index import Index, pipeline_of
from rag_workloads.library.scripts.indexes import CLOSE, DECIDE

# For so long the records of an index that was dropped take nothing in.
CLOSED_SECONDS = 24 * 3600
SCANNED = 1000


class IndexUnknown(Exception):
    """An index is not known, or no longer: its pods wait until it is, or until they end."""


class Decision(NamedTuple):
    """What the operator decided: the index that answers as far as it knew, and the one that is to.

    A later decision has a larger `number`.
    """

    number: int
    serving: Index
    next: Index | None


class Known(NamedTuple):
    """The indexes by their ids, that of the one that answers, and that of the one that follows it or "".

    `decided` is the number of the decision that they are from.

    `retired` says since when, in seconds, an index that has answered does no more; `dropped`, when it was
    dropped first.
    """

    decided: int
    indexes: dict[str, Index]
    serving: str
    next: str
    retired: dict[str, float]
    dropped: dict[str, float]

    @property
    def follower(self) -> Index | None:
        """The index that is to follow the one that answers, if one is."""
        return self.indexes.get(self.next) if self.next != self.serving else None

    def leader_of(self, follower: str) -> Index | None:
        """The index that answers, if this one is to follow it."""
        return self.indexes[self.serving] if follower == self.next != self.serving else None

    def unwanted(self, grace_seconds: float) -> list[Index]:
        """Those that are to be dropped; one that has answered was kept for so long."""
        before = time.time() - grace_seconds
        wanted = {self.serving, self.next}
        return [
            index
            for index in self.indexes.values()
            if index.id not in wanted and self.retired.get(index.id, 0) <= before
        ]


class Indexes:
    """The indexes of one pipeline. Errors are redis-py's."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        self._redis, self.key = redis, f"{pipeline}:indexes"
        self._decide = redis.register_script(DECIDE)
        self._close = redis.register_script(CLOSE)

    @classmethod
    def around(cls, redis: Redis, index: str) -> Self:
        """All indexes of the pipeline that an index belongs to."""
        return cls(redis, pipeline_of(index))

    async def decide(self, decision: Decision) -> None:
        """Write a decision down, unless a newer one is there."""
        number, serving, following = decision
        args: list[str | int] = [number, serving.id, following.id if following else ""]
        for index in (serving, following):
            if index:
                args += [f"index:{index.id}", index.model_dump_json()]
        await self._decide([self.key], args)

    async def known(self) -> Known | None:
        """What there is; None before anything was decided."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self.key)
            (found,) = await pipe.execute()
        fields = {name.decode(): value.decode() for name, value in found.items()}
        if "serving" not in fields:
            return None
        indexes = [Index.model_validate_json(text) for text in _starting(fields, "index:").values()]
        return Known(
            int(fields["decided"]),
            {index.id: index for index in indexes},
            fields["serving"],
            fields["next"],
            {name: float(since) for name, since in _starting(fields, "retired:").items()},
            {name: float(since) for name, since in _starting(fields, "dropped:").items()},
        )

    async def answers(self, index: str) -> bool:
        """Whether an index is the one that answers: the first one, before anything was decided."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hget(self.key, "serving")
            (serving,) = await pipe.execute()
        return index == (serving.decode() if serving else pipeline_of(index))

    async def admit(self, index: str) -> None:
        """Raise IndexUnknown if an index is none that was decided on, or is to go.

        Before anything was decided there is the first one.
        """
        known = await self.known()
        wanted = (known.serving, known.next) if known else (pipeline_of(index),)
        if index not in wanted:
            raise IndexUnknown(f"The API has not named the index {index!r} yet, or it is wanted no more.")

    async def drop(self, index: str, serving: str) -> None:
        """Remove the keys of an index that nobody wants any more. Its pods may still write some.

        The one that answers notes no longer what changes for it.
        """
        closed, leader = f"{index}:docs:retired", f"{serving}:docs"
        about = [self.key, closed, f"{leader}:followed", f"{leader}:changed"]
        await self._close(about, [index, time.time(), CLOSED_SECONDS])
        keys = []
        async for key in self._redis.scan_iter(match=f"*{index}:*", count=SCANNED):
            if _belongs(key.decode(), index):
                keys.append(key)
            if len(keys) == SCANNED:
                await self._unlink(keys)
                keys = []
        await self._unlink(keys)

    async def forget(self, index: str) -> None:
        """Note that nothing is left of an index."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(self.key, f"index:{index}", f"retired:{index}", f"dropped:{index}")
            await pipe.execute()

    async def _unlink(self, keys: Sequence[bytes]) -> None:
        if keys:
            await self._redis.unlink(*keys)


# What stands after the id in the keys of an index. Others are the pipeline's, which its first index gave its
# name to.
OF_AN_INDEX = ("doc:", "docs", "upload:", "generation", "ingest", "embed", "turn:", "sweep:", "problems")
KEPT = ("docs:retired",)


def _belongs(key: str, index: str) -> bool:
    """Whether a key is one of an index, or of a job on its queues."""
    before, _, name = key.partition(f"{index}:")
    if before not in ("", "arq:job:"):
        return False
    own = OF_AN_INDEX if index == pipeline_of(index) else (*OF_AN_INDEX, "owner")
    return name.startswith(own) and name not in KEPT


def _starting(fields: dict[str, str], prefix: str) -> dict[str, str]:
    """The fields whose names start so, without that."""
    return {name.removeprefix(prefix): text for name, text in fields.items() if name.startswith(prefix)}
