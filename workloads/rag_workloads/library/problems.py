"""What keeps pods from their work now, in Redis: the API and the operator say it to people.

Each pod reports for itself, and again while the problem lasts; what is not reported again goes by itself.
"""

import json
import socket
import time
from typing import NamedTuple

from redis.asyncio import Redis

KEPT_SECONDS = 60


class ComponentProblem(NamedTuple):
    """What keeps a part of the pipeline from its work: a CamelCase reason, and a sentence."""

    component: str
    reason: str
    message: str


class Problems:
    """The problems of one pipeline's pods. Errors are redis-py's."""

    def __init__(self, redis: Redis, pipeline: str, pod: str | None = None) -> None:
        """`pod` names this one, as its host does."""
        self._redis, self._key, self._pod = redis, f"{pipeline}:problems", pod or socket.gethostname()

    async def report(self, problem: ComponentProblem) -> None:
        """Say that this pod has a problem, for `KEPT_SECONDS`."""
        entry = json.dumps([time.time() + KEPT_SECONDS, problem])
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._key, self._field(problem.component), entry)
            pipe.expire(self._key, KEPT_SECONDS)
            await pipe.execute()

    async def clear(self, component: str) -> None:
        """Say that this pod's problem with a component is over."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(self._key, self._field(component))
            await pipe.execute()

    async def now(self) -> list[ComponentProblem]:
        """The problems of all pods; one that several have is there once."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hvals(self._key)
            (entries,) = await pipe.execute()
        found: dict[tuple[str, str], ComponentProblem] = {}
        for until, fields in map(json.loads, entries):
            problem = ComponentProblem(*fields)
            if until > time.time():
                found.setdefault((problem.component, problem.reason), problem)
        return sorted(found.values())

    def _field(self, component: str) -> str:
        return f"{self._pod}:{component}"
