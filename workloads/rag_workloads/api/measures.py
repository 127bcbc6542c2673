"""What the API tells of the whole pipeline when it is scraped: documents, queues, and the Redis they are in.

It is asked of Redis there and then, so that it has one source. Every API pod tells the same: a query takes
the `max` of them, never the sum.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog
from prometheus_client import Gauge
from redis.exceptions import NoPermissionError, RedisError

from rag_workloads.api.parts import Parts
from rag_workloads.jobs.lines import Line
from rag_workloads.library.documents import ErrorCode, State

# Less than a scrape waits.
SECONDS = 2

DOCUMENTS = Gauge("library_documents", "Documents of the index that answers, by state.", ["state"])
FAILED = Gauge("library_failed_documents", "Failed documents of that index, by error code.", ["code"])
ENTRIES = Gauge(
    "queue_entries", "Entries of a queue by state: waiting, running or deferred.", ["queue", "state"]
)
OLDEST = Gauge(
    "queue_oldest_age_seconds", "For how long the entry that waits longest might have been taken.", ["queue"]
)
REDIS_MEMORY = Gauge("redis_memory_bytes", "Memory of Redis: used, and its limit (0: none).", ["kind"])
REDIS_WRITES_FAIL = Gauge(
    "redis_append_only_failing",
    "Whether Redis' last write or rewrite of its append-only file failed.",
    ["step"],
)
GAUGES = DOCUMENTS, FAILED, ENTRIES, OLDEST, REDIS_MEMORY, REDIS_WRITES_FAIL

log = structlog.get_logger(__name__)


class Seen(NamedTuple):
    """What Redis says. `info` is empty where it may not be asked."""

    documents: Mapping[State, int]
    failed: Mapping[ErrorCode, int]
    lines: Mapping[str, Line]
    info: Mapping[str, Any]


async def measure(parts: Parts) -> None:
    """Bring the gauges up to date; what Redis does not say now is not told at all."""
    seen = Seen({}, {}, {}, {})
    try:
        async with asyncio.timeout(SECONDS):
            seen = await _look(parts)
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("queues not measured", reason=str(error) or type(error).__name__)
    tell(seen)


async def _look(parts: Parts) -> Seen:
    lines = dict[str, Line]()
    for library in await parts.library.at_work():
        lines |= await library.queue.lines()
    records = parts.library.records
    return Seen(await records.counts(), await records.failures(), lines, await _info(parts))


async def _info(parts: Parts) -> dict[str, Any]:
    """Return Redis' own state; a Redis that others run may not tell us."""
    redis = parts.library.queue.redis
    try:
        return {**await redis.info("memory"), **await redis.info("persistence")}
    except NoPermissionError:
        return {}


def tell(seen: Seen) -> None:
    """Set the gauges, and take away what was told before: in one go, as scrapes may come two at a time."""
    for gauge in GAUGES:
        gauge.clear()
    for state, count in seen.documents.items():
        DOCUMENTS.labels(state).set(count)
    for code, count in seen.failed.items():
        FAILED.labels(code).set(count)
    for queue, line in seen.lines.items():
        for name in ("waiting", "running", "deferred"):
            ENTRIES.labels(queue, name).set(getattr(line, name))
        OLDEST.labels(queue).set(line.oldest_seconds)
    info = seen.info
    if "used_memory" in info:
        REDIS_MEMORY.labels("used").set(info["used_memory"])
        REDIS_MEMORY.labels("limit").set(info["maxmemory"])
    if info.get("aof_enabled"):
        REDIS_WRITES_FAIL.labels("write").set(info["aof_last_write_status"] != "ok")
        REDIS_WRITES_FAIL.labels("rewrite").set(info["aof_last_bgrewrite_status"] != "ok")
