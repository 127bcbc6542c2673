"""What the three stores of a pipeline hold, in a form in which two runs can be compared."""

import re
from collections import Counter
from typing import Any

from redis.asyncio import Redis

from rag_workloads.library.lifecycle import Library

# Times differ from run to run; generations do too, and are replaced by their order.
TIMES = {
    b"created_at",
    b"begun_at",
    b"taken_up_at",
    b"cut_at",
    b"embedded_at",
    b"updated_at",
    b"completed_at",
}
# Names that a process gives to one run of a verb.
TOKENS = {b"attempt_tokens", b"restart_token", b"holder", b"describe_token"}
GENERATION = re.compile(r"\d{13,}")


async def contents(library: Library, answer: object = None) -> dict[str, str]:
    """Every key of Redis, every point of the present collection and every file, and what a verb answered.

    Times are left out.
    """
    redis = library.queue.redis
    keys = sorted([key async for key in redis.scan_iter() if b":minute:" not in key])
    found: dict[str, Any] = {key.decode(): await _value(redis, key) for key in keys}
    found["ended"] = await _ended(redis)
    found["points"] = sorted(map(str, [version async for version in library.vectors.versions()]))
    if library.files:
        found["files"] = sorted([file.key async for file in library.files.documents()])
    found["answer"] = re.sub(r"holder='[^']*'|datetime\([^)]*\)|TzInfo\([^)]*\)", "", repr(answer))
    return _by_order(found)


async def _ended(redis: Redis) -> list[tuple[str, int]]:
    """How many documents were counted as they ended, in whatever minute."""
    counted = Counter[str]()
    async for key in redis.scan_iter(match="*:minute:*"):
        counted.update({name.decode(): int(count) for name, count in (await _value(redis, key)).items()})
    return sorted(counted.items())


async def _value(redis: Redis, key: bytes) -> Any:
    kind = await redis.type(key)
    async with redis.pipeline(transaction=False) as pipe:
        match kind:
            case b"hash":
                pipe.hgetall(key.decode())
            case b"zset":
                pipe.zrange(key, 0, -1)
            case b"set":
                pipe.smembers(key.decode())
            case b"stream":
                pipe.xrange(key)
            case _:
                pipe.exists(key)
        (value,) = await pipe.execute()
    if kind == b"stream":  # an event may be told twice
        return sorted({repr(event) for _, event in value})
    if kind != b"hash":
        return value if isinstance(value, int) else sorted(value)
    return {
        name: b"" if name in TOKENS or name.endswith(b":token") else content
        for name, content in value.items()
        if name not in TIMES
    }


def _by_order(found: dict[str, Any]) -> dict[str, str]:
    """The same with generations replaced by their order."""
    order = {each: f"<{at}>" for at, each in enumerate(sorted(set(GENERATION.findall(repr(found)))))}

    def ordered(text: str) -> str:
        return GENERATION.sub(lambda match: order[match.group()], text)

    return {ordered(key): ordered(repr(value)) for key, value in found.items()}
