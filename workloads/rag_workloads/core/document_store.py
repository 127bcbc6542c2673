"""Document records in Redis: one hash each, and one index per state, sorted by creation.

What two processes could do at once is a Lua script: it moves the record between the indexes of its states as
it changes it, and refuses to touch a record that is final or of another generation.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from redis.asyncio import Redis

from rag_workloads.core.documents import Document, DocumentError, NewDocument, State

Field = str | int | datetime

FAILURES_EXPIRE_SECONDS = 7 * 24 * 3600

# Generations only grow, from the clock on: should Redis be lost, they still exceed those in the vector store.
# KEYS: record, generation counter, index of all, index of pending, processing, completed, failed.
# ARGV: document id, sha256, now, timestamp, then fields and values. Returns whether a new generation began.
BEGIN = """
local old = redis.call('HMGET', KEYS[1], 'sha256', 'state', 'created_at', 'active_generation', 'generation')
if old[1] == ARGV[2] and old[2] ~= 'failed' then return 0 end
local score = redis.call('ZSCORE', KEYS[3], ARGV[1]) or ARGV[4]
if old[5] then
  local past = KEYS[1] .. ':' .. old[5]
  redis.call('DEL', past .. ':done', past .. ':failures')
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], math.floor(ARGV[4] * 1000), 'NX')
redis.call('HSET', KEYS[1], 'generation', redis.call('INCR', KEYS[2]), 'state', 'pending', 'stage', 'queued',
           'created_at', old[3] or ARGV[3], 'updated_at', ARGV[3], unpack(ARGV, 5))
if old[4] then redis.call('HSET', KEYS[1], 'active_generation', old[4]) end
for i = 5, 7 do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('ZADD', KEYS[3], score, ARGV[1])
redis.call('ZADD', KEYS[4], score, ARGV[1])
return 1
"""

# KEYS: record, set of done batches, failures, index of all, index of pending, processing, completed, failed.
# ARGV: document id, generation, number of a done batch or '', fields and values. Returns whether it applied.
UPDATE = """
local old = redis.call('HMGET', KEYS[1], 'generation', 'state')
if old[1] ~= ARGV[2] or old[2] == 'completed' or old[2] == 'failed' then return 0 end
if ARGV[3] ~= '' then
  redis.call('SADD', KEYS[2], ARGV[3])
  redis.call('HSET', KEYS[1], 'batches_done', redis.call('SCARD', KEYS[2]))
end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
local state = redis.call('HGET', KEYS[1], 'state')
local at = {pending = 5, processing = 6, completed = 7, failed = 8}
for i = 5, 8 do
  if i ~= at[state] then redis.call('ZREM', KEYS[i], ARGV[1]) end
end
redis.call('ZADD', KEYS[at[state]], redis.call('ZSCORE', KEYS[4], ARGV[1]), ARGV[1])
if state == 'completed' or state == 'failed' then redis.call('DEL', KEYS[2], KEYS[3]) end
return 1
"""


class DocumentStore:
    """The records of one pipeline."""

    def __init__(self, redis: Redis, pipeline: str) -> None:
        self._redis, self._pipeline = redis, pipeline
        self._begin, self._set = redis.register_script(BEGIN), redis.register_script(UPDATE)
        self._all = f"{pipeline}:docs"
        self._by_state = [f"{self._all}:{state}" for state in State]

    async def get(self, document_id: str) -> Document | None:
        """The record, or None."""
        return (await self._load([document_id]))[0]

    async def begin(self, new: NewDocument) -> tuple[Document, bool]:
        """Start a generation, and say so; the same bytes again change nothing, unless the document failed."""
        keys = [self._record(new.document_id), f"{self._pipeline}:generation", self._all, *self._by_state]
        now = datetime.now(UTC)
        args = [new.document_id, new.sha256, now.isoformat(), now.timestamp(), *_flat(new.model_dump())]
        begun = await self._begin(keys, args)
        document = await self.get(new.document_id)
        if document is None:
            raise LookupError(f"document {new.document_id} was deleted while it was created")
        return document, bool(begun)

    async def update(self, document_id: str, generation: int, **fields: Field) -> bool:
        """Set fields; False and no change if the record is gone, final, or of another generation."""
        return await self._update(document_id, generation, "", fields)

    async def batch_done(self, document_id: str, generation: int, number: int) -> Document | None:
        """Count a batch as done, once; the record after it, or None where `update` is False."""
        if not await self._update(document_id, generation, str(number), {}):
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
        fields: dict[str, Field | None] = {
            "error_code": error.code,
            "error_message": error.message,
            "error_page": error.page,
            "error_hint": error.hint,
        }
        known = {name: value for name, value in fields.items() if value is not None}
        return await self.update(
            document_id, generation, state=State.FAILED, completed_at=datetime.now(UTC), **known
        )

    async def delete(self, document_id: str) -> None:
        """Remove the record; jobs that still run see it gone."""
        document = await self.get(document_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(self._record(document_id))
            if document:
                pipe.delete(self._done(document_id, document.generation))
                pipe.delete(self._failures(document_id, document.generation))
            for index in (self._all, *self._by_state):
                pipe.zrem(index, document_id)
            await pipe.execute()

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

    async def _update(self, document_id: str, generation: int, done: str, fields: dict[str, Field]) -> bool:
        done_key, failures_key = self._done(document_id, generation), self._failures(document_id, generation)
        keys = [self._record(document_id), done_key, failures_key, self._all, *self._by_state]
        args = [document_id, generation, done, *_flat({"updated_at": datetime.now(UTC), **fields})]
        return bool(await self._set(keys, args))

    async def _load(self, ids: Sequence[str]) -> Sequence[Document | None]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for document_id in ids:
                pipe.hgetall(self._record(document_id))
            rows = await pipe.execute()
        decoded = [{k.decode(): v.decode() for k, v in row.items()} for row in rows]
        return [Document.model_validate(row) if row else None for row in decoded]

    def _record(self, document_id: str) -> str:
        return f"{self._pipeline}:doc:{document_id}"

    def _done(self, document_id: str, generation: int) -> str:
        return f"{self._record(document_id)}:{generation}:done"

    def _failures(self, document_id: str, generation: int) -> str:
        return f"{self._record(document_id)}:{generation}:failures"


def _flat(fields: dict[str, Field]) -> list[str | int]:
    """Fields as HSET takes them: name, value, name, value."""
    pairs = ((k, v.isoformat() if isinstance(v, datetime) else v) for k, v in fields.items())
    return [item for pair in pairs for item in pair]
