"""The entries that a consumer holds: claimed for a while, and renewed until they are done.

An entry of a consumer that was killed is due again when its lease is over. Whoever lost a lease, as one that
Redis was away from, changes nothing of the entry any more: the time that it set last is not there.
"""

import asyncio
import time
import uuid
from typing import NamedTuple, cast

import structlog
from arq.constants import job_key_prefix
from redis.asyncio import Redis

from rag_workloads.jobs import metrics, scripts

LEASE_SECONDS = 30
RENEW_SECONDS = 10
WAIT_SECONDS = 1

log = structlog.get_logger(__name__)


class Entry(NamedTuple):
    """A claimed job: its id, and its payload as it was queued; None if that is gone."""

    job_id: str
    payload: bytes | None


class Leases:
    """What one consumer holds of one queue. All methods raise RedisError, and may be called again then."""

    def __init__(self, redis: Redis, queue_name: str, seconds: float = LEASE_SECONDS) -> None:
        self._redis, self._queue = redis, queue_name
        self._lease_ms = int(seconds * 1000)
        self._bytes, self._wake = f"{queue_name}:bytes", f"{queue_name}:wake"
        self._claim_script = redis.register_script(scripts.CLAIM)
        self._renew_script = redis.register_script(scripts.RENEW)
        self._put_back_script = redis.register_script(scripts.PUT_BACK)
        self._remove_script = redis.register_script(scripts.REMOVE)
        self._set_aside_script = redis.register_script(scripts.SET_ASIDE)
        # Until when each entry is ours, in ms of Redis' clock, and how far that clock is ahead of ours.
        self._held: dict[str, int] = {}
        self._ahead = 0
        self._lock = asyncio.Lock()
        # Of a claim and of a renewal that had no answer yet: they may have happened.
        self._token: str | None = None
        self._unanswered: int | None = None

    async def claim(self, limit: int) -> list[Entry]:
        """Take up to `limit` entries: first those that are due again, then the oldest of the line."""
        self._token = self._token or uuid.uuid4().hex
        keys = [self._queue, f"{self._queue}:claim:{self._token}"]
        reply = await self._claim_script(keys, [limit, self._lease_ms, job_key_prefix])
        now, until, ids, payloads, expired, waited = cast(
            tuple[int, int, list[bytes], list[bytes | None], int, list[int]], reply
        )
        metrics.LEASES_EXPIRED.labels(self._queue).inc(expired)
        for milliseconds in waited:  # by another clock than that of who queued the entry
            metrics.WAIT_SECONDS.labels(self._queue).observe(max(0, milliseconds) / 1000)
        self._token, self._ahead = None, now - _clock()
        entries = [Entry(i.decode(), payload) for i, payload in zip(ids, payloads, strict=True)]
        self._held.update({entry.job_id: until for entry in entries})
        return entries

    async def renew(self) -> None:
        """Hold everything for another lease; what another consumer took meanwhile is ours no more."""
        async with self._lock:
            if self._unanswered:
                await self._hold_until(self._unanswered)
            if self._held:
                await self._hold_until(_clock() + self._ahead + self._lease_ms)

    async def put_back(self, job_id: str, delay: float = 0) -> None:
        """Give an entry up: anybody may take it, in `delay` seconds."""
        async with self._lock:  # a renewal that is under way would move it on
            until = self._held.get(job_id, 0)
            await self._put_back_script([self._queue, self._wake], [job_id, until, int(delay * 1000)])
            if self._held.get(job_id) == until:  # else it came back to us meanwhile
                self._held.pop(job_id)

    def holds(self, job_id: str) -> bool:
        """Whether an entry is held, as far as is known here."""
        return job_id in self._held

    async def release(self) -> None:
        """Give up whatever is still held."""
        for job_id in list(self._held):
            await self.put_back(job_id)

    async def done(self, job_id: str) -> None:
        """Take an entry off the queue, whoever holds it: its work is done."""
        self._held.pop(job_id, None)
        await self._remove_script([self._queue, self._bytes, job_key_prefix + job_id], [job_id])

    async def set_aside(self, job_id: str, what: bytes) -> None:
        """Take an entry off the queue, and keep `what` for a person to look at."""
        self._held.pop(job_id, None)
        keys = [self._queue, self._bytes, f"{self._queue}:undecodable", job_key_prefix + job_id]
        await self._set_aside_script(keys, [job_id, what])

    async def wait(self, seconds: float = WAIT_SECONDS) -> bool:
        """Sleep until something is queued, at most so long; whether it was."""
        return await self._redis.bzpopmin(self._wake, seconds) is not None

    async def reach(self) -> None:
        """Return once Redis answers."""
        await self._redis.ping()

    async def wake_another(self) -> None:
        """Pass the wake-up on: there may be more to do than we took."""
        await self._redis.zadd(self._wake, {"work": 0})

    async def _hold_until(self, until: int) -> None:
        self._unanswered = until
        sent = dict(self._held)
        args = [until, *(item for pair in sent.items() for item in pair)]
        lost = {job_id.decode() for job_id in await self._renew_script([self._queue], args)}
        self._unanswered = None
        for job_id in sent.keys() & self._held.keys():
            if job_id in lost:
                del self._held[job_id]
                log.warning("lease lost", job_id=job_id)
            else:
                self._held[job_id] = until


def _clock() -> int:
    """Milliseconds that only go on."""
    return time.monotonic_ns() // 1_000_000
