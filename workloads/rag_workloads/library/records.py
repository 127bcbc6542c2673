"""Document records in Redis: one hash each, and one index per state, sorted by creation.

What two processes could do at once is a Lua script: it moves the record between the indexes of its states as
it changes it, and refuses to touch a record that is final or of another generation.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from rag_workloads.library import scripts
from rag_workloads.library.documents import Document, DocumentError, ErrorCode, NewDocument, State

Field = str | int | datetime

FAILURES_EXPIRE_SECONDS = 7 * 24 * 3600


class Begun(NamedTuple):
    """The record; whether a new generation began; the key of a file that no generation needs any more."""

    document: Document
    new: bool
    unused_file: str | None


class DocumentStore:
    """The records of one pipeline."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        self._redis, self._pipeline = redis, pipeline
        self._begin = redis.register_script(scripts.BEGIN)
        self._attempt = redis.register_script(scripts.ATTEMPT)
        self._set = redis.register_script(scripts.UPDATE)
        self._retire = redis.register_script(scripts.RETIRE)
        self._delete = redis.register_script(scripts.DELETE)
        self._all = f"{pipeline}:docs"
        self._by_state = [f"{self._all}:{state}" for state in State]

    async def get(self, document_id: str) -> Document | None:
        """The record, or None."""
        return (await self._load([document_id]))[0]

    async def begin(self, new: NewDocument) -> Begun:
        """Start a generation; the same bytes again change nothing, unless the document failed.

        The file of the generation that searches see is kept until another one takes its place.
        """
        keys = [self._record(new.document_id), f"{self._pipeline}:generation", self._all, *self._by_state]
        now = datetime.now(UTC)
        args = [new.document_id, new.sha256, now.isoformat(), now.timestamp(), *_flat(new.model_dump())]
        begun, unused = await self._begin(keys, args)
        document = await self.get(new.document_id)
        if document is None:
            raise LookupError(f"document {new.document_id} was deleted while it was created")
        return Begun(document, bool(begun), unused.decode() or None if begun else new.object_key)

    async def count_attempt(self, document_id: str, generation: int, change: int = 1) -> int:
        """Count an attempt to process a document, or take it back (-1); how many there are.

        0 and no change where `update` is False.
        """
        return int(await self._attempt([self._record(document_id)], [generation, change]))

    async def update(self, document_id: str, generation: int, **fields: Field) -> bool:
        """Set fields; False and no change if the record is gone, final, or of another generation."""
        return await self._run(self._set, document_id, generation, "", fields)

    async def batch_done(self, document_id: str, generation: int, number: int) -> Document | None:
        """Count a batch as done, once; the record after it, or None where `update` is False."""
        if not await self._run(self._set, document_id, generation, str(number), {}):
            return None
        return await self.get(document_id)

    async def batch_failed(self, document_id: str, generation: int, number: int) -> int:
        """Count a failure of a batch; how many it has had."""
        key = self._failures(document_id, generation)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hincrby(key, str(number), 1)
            pipe.expire(key, FAILURES_EXPIRE_SECONDS)
            failures, _ = await pipe.execute()
        return int(failures)

    async def done_batches(self, document_id: str, generation: int) -> set[int]:
        """The numbers of the batches that are in the vector store."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.smembers(self._done(document_id, generation))
            (numbers,) = await pipe.execute()
        return {int(number) for number in numbers}

    async def complete(self, document_id: str, generation: int) -> bool:
        """Mark a generation as the one that searches see; as `update`."""
        now = datetime.now(UTC)
        return await self.update(
            document_id, generation, state=State.COMPLETED, active_generation=generation, completed_at=now
        )

    async def fail(self, document_id: str, generation: int, error: DocumentError) -> bool:
        """Mark a generation as failed for good; as `update`."""
        return await self.update(document_id, generation, **_failed(error))

    async def retire(self, document_id: str, generation: int) -> bool:
        """Mark a document that is being deleted as failed, whatever its state: jobs that run stop.

        False and no change if the record is gone, or of another generation.
        """
        hint = "If it is still here in a minute, the deletion broke off: delete it again."
        error = DocumentError(ErrorCode.DELETE_UNFINISHED, "The document is being deleted.", hint=hint)
        return await self._run(self._retire, document_id, generation, "", _failed(error))

    async def delete(self, document_id: str, generation: int) -> bool:
        """Remove the record if it is still of this generation; jobs that run see it gone."""
        return bool(await self._delete(self._keys(document_id, generation), [document_id, generation]))

    async def counts(self) -> dict[State, int]:
        """How many documents there are in each state."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for index in self._by_state:
                pipe.zcard(index)
            return dict(zip(State, await pipe.execute(), strict=True))

    async def unfinished(self) -> list[Document]:
        """All documents that are pending or processing, oldest first."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for state in (State.PENDING, State.PROCESSING):
                pipe.zrange(f"{self._all}:{state}", 0, -1)
            pending, processing = await pipe.execute()
        documents = await self._load([i.decode() for i in (*processing, *pending)])
        found = [document for document in documents if document]
        return sorted(found, key=lambda document: document.created_at)

    async def list(self, offset: int, limit: int, state: State | None = None) -> tuple[list[Document], int]:
        """A page of records, newest first, and how many there are in all."""
        index = f"{self._all}:{state}" if state else self._all
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zrevrange(index, offset, offset + limit - 1)
            pipe.zcard(index)
            ids, total = await pipe.execute()
        documents = await self._load([i.decode() for i in ids])
        return [document for document in documents if document], total

    async def _run(
        self, script: AsyncScript, document_id: str, generation: int, done: str, fields: dict[str, Field]
    ) -> bool:
        args = [document_id, generation, done, *_flat({"updated_at": datetime.now(UTC), **fields})]
        return bool(await script(self._keys(document_id, generation), args))

    async def _load(self, ids: Sequence[str]) -> Sequence[Document | None]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for document_id in ids:
                pipe.hgetall(self._record(document_id))
            rows = await pipe.execute()
        decoded = [{k.decode(): v.decode() for k, v in row.items()} for row in rows]
        return [Document.model_validate(row) if row else None for row in decoded]

    def _keys(self, document_id: str, generation: int) -> Sequence[str]:
        """The KEYS of most scripts."""
        done, failures = self._done(document_id, generation), self._failures(document_id, generation)
        return [self._record(document_id), done, failures, self._all, *self._by_state]

    def _record(self, document_id: str) -> str:
        return f"{self._pipeline}:doc:{document_id}"

    def _done(self, document_id: str, generation: int) -> str:
        return f"{self._record(document_id)}:{generation}:done"

    def _failures(self, document_id: str, generation: int) -> str:
        return f"{self._record(document_id)}:{generation}:failures"


def _failed(error: DocumentError) -> dict[str, Field]:
    """The fields of a record that failed."""
    details: dict[str, Field | None] = {
        "error_code": error.code,
        "error_message": error.message,
        "error_page": error.page,
        "error_hint": error.hint,
    }
    known = {name: value for name, value in details.items() if value is not None}
    return {"state": State.FAILED, "completed_at": datetime.now(UTC), **known}


def _flat(fields: dict[str, Field]) -> list[str | int]:
    """Fields as HSET takes them: name, value, name, value."""
    pairs = ((k, v.isoformat() if isinstance(v, datetime) else v) for k, v in fields.items())
    return [item for pair in pairs for item in pair]
