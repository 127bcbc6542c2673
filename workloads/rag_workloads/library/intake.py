"""How files come into the library: each is received under a name of its own, and begun once all are there.

What a kill leaves of it, the sweep removes: files that were only received, and those that no record names.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Self
from uuid import uuid4

import structlog
from obstore.exceptions import BaseError

from rag_workloads.jobs.redis_errors import IndexRetired
from rag_workloads.library.documents import NewDocument
from rag_workloads.library.files import ObjectStore, document_key, incoming_key
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.records import Begun

log = structlog.get_logger(__name__)


class Intake:
    """The files of one upload. When it is left, what was received and not begun is deleted.

    Errors are those of the library.
    """

    def __init__(self, library: Callable[[], Awaitable[Library]], files: ObjectStore) -> None:
        """`library` tells the one that takes documents in at that moment: an upload may last for long."""
        self._library, self._files = library, files
        self._waiting: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key in self._waiting:
            try:
                await self._files.delete(key)
            except (BaseError, OSError) as failure:
                log.warning("file left for the sweep", key=key, reason=str(failure))

    async def receive(self, data: AsyncIterator[bytes]) -> str:
        """Write a file, and tell its key. Raises what `data` raises."""
        key = incoming_key(uuid4().hex)
        self._waiting.add(key)
        await self._files.put(key, data)
        return key

    async def begin(self, new: NewDocument) -> Begun:
        """Take in a document whose `object_key` is that of a file that was received."""
        upload = new.object_key.rpartition("/")[2]
        kept = new.model_copy(update={"object_key": document_key(new.document_id, upload)})
        await self._files.rename(new.object_key, kept.object_key)
        self._waiting.discard(new.object_key)
        try:
            return await (await self._library()).begin(kept)
        except IndexRetired:  # at this very moment
            return await (await self._library()).begin(kept)
