"""Runs the scripts that write the records of documents, each with the keys that all of them have."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from rag_workloads.library import minutes
from rag_workloads.library.record_reader import RecordReader

Field = str | int | datetime | list[Any] | dict[str, Any]
Argument = str | float | bytes


class RecordScripts(RecordReader):
    """The records of one pipeline, to read, and to write by scripts. Errors are redis-py's."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        super().__init__(redis, pipeline)
        self._scripts: dict[str, AsyncScript] = {}

    async def _run(
        self, script: str, document_id: str, *args: Argument, more_keys: Sequence[str] = ()
    ) -> Any:
        return await self._run_on(document_id, script, [document_id, *args], more_keys)

    async def _run_on(
        self, document_id: str, script: str, args: Sequence[Argument], more_keys: Sequence[str] = ()
    ) -> Any:
        registered = self._scripts.setdefault(script, self.redis.register_script(script))
        keys = [
            self._record(document_id),
            f"{self._pipeline}:generation",
            self._all,
            *self._by_state,
            self._work,
            self._trash,
            self._events,
            minutes.prefix(self._pipeline),
            *more_keys,
        ]
        return await registered(keys, args)


def now() -> tuple[float, str]:
    """The time in seconds, and the same in words, as scripts take it."""
    moment = datetime.now(UTC)
    return moment.timestamp(), moment.isoformat()


def flat(fields: Mapping[str, Field]) -> list[str | int]:
    """Fields as HSET takes them: name, value, name, value."""
    return [item for name, value in fields.items() for item in (name, _stored(value))]


def _stored(value: Field) -> str | int:
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, list | dict) else value
