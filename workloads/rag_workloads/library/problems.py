"""What keeps pods from their work now, in Redis: the API and the operator say it to people.

Each pod reports for itself, and again while the problem lasts; what is not reported again goes by itself.
"""

import json
import socket
import time

from redis.asyncio import Redis

from rag_contract.stats import ComponentProblem, ProblemComponent

KEPT_SECONDS = 60


class Problems:
    """The problems of one pipeline's pods. Errors are redis-py's."""

    def __init__(self, redis: Redis, pipeline: str, pod: str | None = None) -> None:
        """`pod` names this one, as its host does."""
        self._redis, self._key, self._pod = redis, f"{pipeline}:problems", pod or socket.gethostname()

    async def report(self, problem: ComponentProblem) -> None:
        """Say that this pod has a problem, for `KEPT_SECONDS`."""
        entry = json.dumps([time.time() + KEPT_SECONDS, problem.model_dump()])
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._key, self._field(problem.component), entry)
            pipe.expire(self._key, KEPT_SECONDS)
            await pipe.execute()

    async def clear(self, component: ProblemComponent) -> None:
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
            problem = ComponentProblem.model_validate(fields)
            if until > time.time():
                found.setdefault((problem.component, problem.reason), problem)
        return [found[key] for key in sorted(found)]

    def _field(self, component: ProblemComponent) -> str:
        return f"{self._pod}:{component}"
