"""What keeps pods from their work now, in Redis: the API and the operator say it to people.

Each pod reports for itself, and again while the problem lasts; what is not reported again goes by itself.
"""

import asyncio
import json
import socket
import time

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from rag_contract.stats import ComponentProblem, ProblemComponent

KEPT_SECONDS = 60
# What a start waits at most to say what it waits for: the Redis that hears of it may be away.
TELL_SECONDS = 2
# Of what an error says, for conditions.
MESSAGE_CHARACTERS = 1000

log = structlog.get_logger(__name__)


def problem_of(component: ProblemComponent, error: Exception, *, starting: bool = False) -> ComponentProblem:
    """What an error means for a component; the error's kind is its reason, e.g. VectorStoreAway."""
    name = type(error).__name__
    message = (str(error) or name)[:MESSAGE_CHARACTERS]
    return ComponentProblem(component=component, reason=name, message=message, starting=starting)


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

    async def tell_start(self, component: ProblemComponent, error: Exception | None) -> None:
        """Say what keeps this pod from its start, or that nothing does any more; never fails."""
        try:
            async with asyncio.timeout(TELL_SECONDS):
                if error:
                    await self.report(problem_of(component, error, starting=True))
                else:
                    await self.clear(component)
        except (RedisError, OSError) as untold:
            log.info("problem not reported", reason=str(untold) or type(untold).__name__)

    async def now(self) -> list[ComponentProblem]:
        """The problems of all pods; one that several have is there once, and of a start once more."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hvals(self._key)
            (entries,) = await pipe.execute()
        found: dict[tuple[str, str, bool], ComponentProblem] = {}
        for until, fields in map(json.loads, entries):
            problem = ComponentProblem.model_validate(fields)
            if until > time.time():
                found.setdefault((problem.component, problem.reason, problem.starting), problem)
        return [found[key] for key in sorted(found)]

    def _field(self, component: ProblemComponent) -> str:
        return f"{self._pod}:{component}"
