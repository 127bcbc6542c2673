"""How often each key may ask, counted in Redis for all pods together."""

import math
import time
from typing import Any, Self

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool, Redis

from rag_contract.api_keys import ApiKey
from rag_workloads.jobs.redis_errors import AWAY, Parser
from rag_workloads.web.problems import Problem

# Redis answers in a millisecond; a question does not wait for one that is away.
TIMEOUT_SECONDS = 0.25

log = structlog.get_logger(__name__)


class RateLimited(Problem):
    """429, with the time after which the key may ask again."""

    def __init__(self, key: ApiKey, retry_after: int) -> None:
        detail = f"The key {key.name!r} may send {key.requests_per_minute} requests a minute."
        headers = {"Retry-After": str(retry_after)}
        super().__init__(429, "rate-limited", "Too many requests", detail, headers=headers)


class RateLimits:
    """A sliding window of a minute for each key, by name: a key's new value does not get a new window."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        self._redis = redis
        pool: dict[str, Any] = {"connection_pool": redis.connection_pool}
        storage = RedisStorage("redis://", implementation="redispy", key_prefix=f"{pipeline}:limits", **pool)
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    @classmethod
    def open(cls, redis_url: str, pipeline: str) -> Self:
        """With connections of its own, which neither wait nor try again; connects when it is used."""
        pool = ConnectionPool.from_url(
            redis_url,
            parser_class=Parser,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
        )
        return cls(Redis(connection_pool=pool), pipeline)

    async def hit(self, key: ApiKey) -> None:
        """Count a request: one round trip. Raise RateLimited if it is one too many.

        While Redis does not answer, nothing is refused: a question needs no Redis.
        """
        if key.requests_per_minute is None:
            return
        limit = RateLimitItemPerMinute(key.requests_per_minute)
        try:
            allowed = await self._limiter.hit(limit, key.name)
            if allowed:
                return
            reset_at, _ = await self._limiter.get_window_stats(limit, key.name)
        except (*AWAY, OSError) as error:
            log.warning("cannot count requests", reason=str(error) or type(error).__name__)
            return
        raise RateLimited(key, max(1, math.ceil(reset_at - time.time())))

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose(close_connection_pool=True)
