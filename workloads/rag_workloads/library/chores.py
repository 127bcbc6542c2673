"""What one process at a time does for a pipeline, kept in Redis: whose turn it is, and sweeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

# Takes a turn, if nobody has it; what makes room is done at `maxmemory` too. KEYS: the turn. ARGV: a token
# of the caller, by which a run whose reply was lost is known, and milliseconds. Answers whether the caller
# has it.
TURN = """#!lua flags=allow-oom
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return redis.call('GET', KEYS[1]) == ARGV[1]
"""

# Ends a turn that is the caller's. KEYS and ARGV: the turn, the token.
END_TURN = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class Chores:
    """The turns and sweeps of one pipeline. Errors are redis-py's."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        self._redis, self._pipeline = redis, pipeline
        self._take_turn = redis.register_script(TURN)
        self._end_turn = redis.register_script(END_TURN)

    async def turn(self, name: str, seconds: float) -> bool:
        """Whether it is this process's turn to do something that one does at a time, every so often."""
        key, token = f"{self._pipeline}:turn:{name}", uuid4().hex
        return bool(await self._take_turn([key], [token, int(seconds * 1000)]))

    @asynccontextmanager
    async def alone(self, name: str, seconds: float) -> AsyncIterator[bool]:
        """Whether it is this process's turn to do what no other may do meanwhile; it takes less than that."""
        key, token = f"{self._pipeline}:turn:{name}", uuid4().hex
        ours = bool(await self._take_turn([key], [token, int(seconds * 1000)]))
        try:
            yield ours
        finally:
            await self._end_turn([key], [token])

    async def ask_for_sweep(self) -> None:
        """Ask for a comparison of the stores, which a worker takes up within seconds."""
        await self._redis.set(f"{self._pipeline}:sweep:asked", uuid4().hex)

    async def sweep_asked(self) -> str | None:
        """What names the sweep that was asked for; it stays until `sweep_answered`, whoever takes it up."""
        asked = await self._redis.get(f"{self._pipeline}:sweep:asked")
        return asked.decode() if asked else None

    async def sweep_answered(self, asked: str) -> None:
        """Note that a sweep that was asked for is done; one that was asked for meanwhile is not."""
        key = f"{self._pipeline}:sweep:asked"

        async def remove(pipe: Pipeline) -> None:
            if await pipe.get(key) == asked.encode():
                pipe.multi()  # type: ignore[no-untyped-call]
                pipe.delete(key)

        await self._redis.transaction(remove, key)

    async def report_sweep(self, report: str) -> None:
        """Keep the report of the last sweep."""
        await self._redis.set(f"{self._pipeline}:sweep:report", report)

    async def sweep_report(self) -> str | None:
        """The report of the last sweep, None before the first."""
        report = await self._redis.get(f"{self._pipeline}:sweep:report")
        return report.decode() if report else None
