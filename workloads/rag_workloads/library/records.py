"""Writes the records of documents, and what is left to be done.

What two processes could do at once is a Lua script (`scripts`): it moves the record between the indexes as it
changes it, and refuses to touch a record that is final or of another generation.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rag_contract.names import ingest_queue
from rag_workloads.library.documents import (
    Description,
    Document,
    DocumentError,
    ErrorCode,
    Layout,
    NewDocument,
    State,
)
from rag_workloads.library.record_reader import Checkpoint
from rag_workloads.library.record_scripts import Argument, Field, RecordScripts, flat, now
from rag_workloads.library.scripts import batches, descriptions, generations, removal, upkeep

FAILURES_EXPIRE_SECONDS = 7 * 24 * 3600
# Longer than any client goes on sending a command again.
UPLOADS_EXPIRE_SECONDS = 600
INDEXED_AT_ONCE = 1000


class StoreRefused(Exception):
    """The Redis database holds the documents of another pipeline."""


class Target(NamedTuple):
    """The collection that documents go to now; `revision` grows whenever the spec names another one."""

    collection: str
    revision: int


class Begun(NamedTuple):
    """What became of an upload: its task, that one's state, and whether the upload began it."""

    task: int
    state: State
    new: bool


class Cut(NamedTuple):
    """Batches that an attempt has cut: the number of the first, how many, and where another would go on.

    `chunks` says how many the document has, if these batches are its last.
    """

    first: int
    batches: int
    checkpoint: Checkpoint
    chunks: int | None


class Records(RecordScripts):
    """The records of one pipeline, to read and to write. Errors are redis-py's."""

    async def claim(self, owner: str) -> None:
        """Make the pipeline's keys the owner's, or raise StoreRefused if they are another's."""
        key = f"{self._pipeline}:owner"
        await self.redis.set(key, owner, nx=True)
        found = (await self.redis.get(key) or b"").decode()
        if found != owner:
            raise StoreRefused(
                f"this Redis holds the documents of the pipeline {found}, this is {owner}: "
                "give each its own database, as in redis://host:6379/1"
            )

    async def begin(self, new: NewDocument, target: Target) -> Begun:
        """Start a generation, unless the same bytes are there.

        They are not if the document failed or went to an earlier collection. The file of an upload that
        begins nothing is trash.
        """
        task, state, begun = await self._run(
            generations.BEGIN,
            new.document_id,
            *now(),
            new.sha256,
            new.object_key,
            UPLOADS_EXPIRE_SECONDS,
            *target,
            *flat(new.model_dump()),
            more_keys=[f"{self._pipeline}:upload:{new.object_key}"],
        )
        return Begun(int(task), State(state.decode()), bool(begun))

    async def restart(self, document_id: str, generation: int, token: str, seen: State) -> bool:
        """Begin the same bytes anew as a later generation.

        False if this one is past or gone, or has ended since it was `seen` in a state.
        """
        args = *now(), generation, token, seen
        return bool(await self._run(generations.RESTART, document_id, *args))

    async def take_up(
        self, document_id: str, generation: int, token: str, target: Target, layout: Layout
    ) -> Document | None:
        """Count an attempt, freeze layout and collection at the first.

        None if the generation is over, or another attempt has begun already.
        """
        frozen = target.collection, *flat({"revision": target.revision, **layout.model_dump()})
        if not await self._run(generations.TAKE_UP, document_id, *now(), generation, token, *frozen):
            return None
        document = await self.get(document_id)
        return document if document and document.holder == token else None

    async def turn_to(self, document: Document, page: int | None) -> bool:
        """Note the page that the holder of a document has in hand; False if the holder is another by now."""
        args = document.generation, document.holder, "" if page is None else page
        return bool(await self._run(generations.TURN_TO, document.document_id, *args))

    async def give_back(self, document_id: str, token: str) -> None:
        """Take back the attempt that `token` names, if it counts: it ended by nobody's fault."""
        await self._run(generations.GIVE_BACK, document_id, token)

    async def update(self, document_id: str, generation: int, **fields: Field) -> bool:
        """Set fields; False and no change if the record is gone, final, or of another generation."""
        return bool(await self._run(generations.UPDATE, document_id, *now(), generation, *flat(fields)))

    async def cut(
        self, document: Document, cut: Cut, keys: Sequence[str], entries: Sequence[Argument]
    ) -> bool:
        """Queue the batches that an attempt has cut, and note where another goes on, in one step.

        `keys` and `entries` are what `Queue.batch_entries` makes of the batches. False, and nothing is
        queued, if the generation is over or another attempt has begun.
        """
        attempt = *now(), document.generation, document.holder
        chunks = "" if cut.chunks is None else cut.chunks
        args = *attempt, cut.first, cut.batches, *cut.checkpoint, chunks, *entries
        return bool(await self._run(batches.CUT, document.document_id, *args, more_keys=keys))

    async def batch_done(
        self, document_id: str, generation: int, number: int, chunks: int = 1
    ) -> bool | None:
        """Count a batch of so many chunks as done, once; whether all are, or None where `update` is False."""
        answer = await self._run(batches.BATCH_DONE, document_id, *now(), generation, number, chunks)
        return None if answer == -1 else bool(answer)

    async def batch_failed(self, document_id: str, generation: int, number: int, token: str) -> int:
        """Count the failure of a batch that `token` names; how many it has had."""
        args = generation, number, token, FAILURES_EXPIRE_SECONDS
        return int(await self._run_on(document_id, batches.BATCH_FAILED, args))

    async def complete(self, document_id: str, generation: int, collection: str, described: int) -> bool:
        """Mark a generation as the one that searches see; as `update`, and True again for the same.

        `described` is the number of the description that its chunks have. It is left to be settled.
        """
        args = *now(), generation, collection, described
        return bool(await self._run(generations.COMPLETE, document_id, *args))

    async def describe(self, document_id: str, revised: int, token: str, description: Description) -> bool:
        """Change what a client says of a document, if its description is still number `revised`.

        `token` names the change. It is left to be settled. False if the record is gone, or its description
        is another.
        """
        fields = flat(description.model_dump())
        return bool(await self._run(descriptions.DESCRIBE, document_id, *now(), revised, token, *fields))

    async def described(self, document_id: str, active_generation: int, revised: int) -> None:
        """Note that the chunks that searches see have the description number `revised`."""
        await self._run(descriptions.DESCRIBED, document_id, active_generation, revised)

    async def index_unfinished(self) -> None:
        """Have recovery look at every unfinished document: a release before this one had no such index."""
        for index in self._by_state[:2]:
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.zrange(index, 0, -1)
                (ids,) = await pipe.execute()
            for at in range(0, len(ids), INDEXED_AT_ONCE):
                async with self.redis.pipeline(transaction=False) as pipe:
                    pipe.zadd(self._work, dict.fromkeys(ids[at : at + INDEXED_AT_ONCE], 0), nx=True)
                    await pipe.execute()

    async def adopt(self, document_id: str, active_generation: int, collection: str) -> None:
        """Note where the points are of a document that an earlier release completed, which did not."""
        await self._run(upkeep.ADOPT, document_id, active_generation, collection)

    async def fail(self, document_id: str, generation: int, error: DocumentError, holder: str = "") -> bool:
        """Mark a generation as failed for good; as `update`. It is left to be settled.

        False too if it was the attempt `holder` that failed, and another has begun.
        """
        args = *now(), generation, holder, *flat(_error(error))
        return bool(await self._run(generations.FAIL, document_id, *args))

    async def cancel(self, document_id: str, generation: int) -> bool:
        """End a generation that nobody wants, to be settled; as `update`, and True again for the same."""
        return bool(await self._run(generations.CANCEL, document_id, *now(), generation))

    async def retire(self, document_id: str, generation: int) -> bool:
        """Mark a document that is being deleted as failed, whatever its state: jobs that run stop.

        False and no change if the record is gone, or of another generation.
        """
        hint = "Wait a minute: a deletion that broke off goes on by itself. Or delete it again."
        error = DocumentError(ErrorCode.DELETE_UNFINISHED, "The document is being deleted.", hint=hint)
        fields = flat(_error(error))
        return bool(await self._run(removal.RETIRE, document_id, *now(), generation, *fields))

    async def settled(self, document_id: str, generation: int) -> None:
        """Note that nothing is left to be done for a generation that is over."""
        await self._run(generations.SETTLED, document_id, generation)

    async def withdraw(self, document_id: str, through: int) -> None:
        """Note that searches see nothing any more that a generation up to `through` wrote."""
        await self._run(removal.WITHDRAW, document_id, through)

    async def delete(self, document_id: str, generation: int) -> bool:
        """Remove the record if it is still of this generation; its files are trash."""
        return bool(await self._run(removal.DELETE, document_id, generation))

    async def trash_emptied(self, keys: Sequence[str]) -> None:
        """Note that these files are deleted."""
        if keys:
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.srem(self._trash, *keys)
                await pipe.execute()

    async def left(self, before: float, start: int, count: int) -> tuple[list[str], int]:
        """Documents with something left to do and no job that waits or runs, and how many were looked at.

        Looks at `count` from `start` on, of those whose last step was before a time in seconds. What waits
        costs nothing but Redis' look at it.
        """
        queue = ingest_queue(self._pipeline)
        args: list[str | float] = [before, start, count, self._record(""), f"{queue}:"]
        looked_at, *ids = await self._run_on("", upkeep.LEFT, args, [queue])
        return [i.decode() for i in ids], looked_at


def _error(error: DocumentError) -> dict[str, Field]:
    """The fields of a record that failed."""
    details: dict[str, Field | None] = {
        "error_code": error.code,
        "error_message": error.message,
        "error_page": error.page,
        "error_hint": error.hint,
    }
    return {name: value for name, value in details.items() if value is not None}
