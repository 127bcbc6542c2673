"""Requests that may be sent again, with an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

A key belongs to the API key that sent it. While its first request runs, that one holds a lease; then its
answer is kept. Nothing is remembered of a request that was refused: it changed nothing, and may be mended.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import structlog
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.exceptions import RedisError

from rag_workloads import tasks
from rag_workloads.web.problems import RETRY_AFTER_SECONDS, Problem

KEPT_SECONDS = 24 * 3600
# A process that was killed blocks a key for no longer.
LEASE_SECONDS, RENEW_SECONDS = 60, 20
REPLAYED = "Idempotent-Replayed"

# Replaces what is under the key by a value that is kept for ARGV[3] seconds, or by nothing (""), if it is
# still what the caller wrote (ARGV[1]). Run again, it finds that it has been done.
REPLACE = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""

log = structlog.get_logger(__name__)


class Answer(BaseModel):
    """What a request was answered: status, the Location header, and a JSON body."""

    status: int
    location: str
    body: dict[str, Any]

    def response(self, *, replayed: bool = False) -> JSONResponse:
        """The HTTP answer; one that was given before says so."""
        marks = {REPLAYED: "true"} if replayed else {}
        return JSONResponse(self.body, self.status, {"Location": self.location, **marks})


class _Entry(BaseModel):
    """What is under a key: who runs it, or the answer to what was asked then."""

    token: str
    fingerprint: str = ""
    answer: Answer | None = None

    def stored(self) -> bytes:
        return self.model_dump_json().encode()


class KeyInUse(Problem):
    """409: the first request with this key has not been answered."""

    def __init__(self) -> None:
        detail = "A request with this Idempotency-Key is still running."
        headers = {"Retry-After": RETRY_AFTER_SECONDS}
        super().__init__(409, "idempotency-key-in-use", "The key is in use", detail, headers=headers)


class KeyReused(Problem):
    """422: another request was answered under this key."""

    def __init__(self) -> None:
        detail = "This Idempotency-Key was sent with other files or fields. Use a new one for each request."
        super().__init__(422, "idempotency-key-reused", "The key was used for another request", detail)


class Once:
    """A request that is done once; without a key it is done whenever it is sent."""

    def __init__(self, earlier: _Entry | None = None) -> None:
        self._earlier = earlier
        self.outcome: tuple[str, Answer] | None = None

    def answered(self, fingerprint: str) -> Answer | None:
        """What was answered to the same request before; KeyReused if the key was used for another one."""
        if self._earlier is None:
            return None
        if self._earlier.fingerprint != fingerprint:
            raise KeyReused
        return self._earlier.answer

    def done(self, fingerprint: str, answer: Answer) -> None:
        """Have the answer kept."""
        self.outcome = fingerprint, answer


class Idempotency:
    """The keys of one pipeline. Errors are redis-py's."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        self._redis, self._prefix = redis, f"{pipeline}:idempotency:"
        self._replace = redis.register_script(REPLACE)

    @contextlib.asynccontextmanager
    async def once(self, caller: str, key: str | None) -> AsyncIterator[Once]:
        """Hold a caller's key while its request runs; KeyInUse if another does.

        What is `done` is kept when the request ends. If it fails the key is free again.
        """
        if key is None:
            yield Once()
            return
        place = self._prefix + hashlib.sha256(f"{caller}\n{key}".encode()).hexdigest()
        mine = _Entry(token=uuid4().hex)
        found = await self._redis.set(place, mine.stored(), nx=True, get=True, ex=LEASE_SECONDS)
        earlier = _Entry.model_validate_json(found) if found else mine  # or its reply was lost
        if earlier.token != mine.token:
            if earlier.answer is None:
                raise KeyInUse
            yield Once(earlier)
            return
        once = Once()
        renewing = asyncio.create_task(self._renew(place, mine.stored()))
        try:
            yield once
            if once.outcome:
                fingerprint, answer = once.outcome
                kept = _Entry(token=mine.token, fingerprint=fingerprint, answer=answer)
                await self._replace([place], [mine.stored(), kept.stored(), KEPT_SECONDS])
        except BaseException:
            with contextlib.suppress(RedisError):  # the lease ends by itself
                await self._replace([place], [mine.stored(), b"", 0])
            raise
        finally:
            await tasks.end(renewing)

    async def _renew(self, place: str, mine: bytes) -> None:
        """Keep a lease, for ever: an upload may take long."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._replace([place], [mine, mine, LEASE_SECONDS])
            except RedisError as error:
                log.warning("idempotency key not renewed", reason=str(error))
