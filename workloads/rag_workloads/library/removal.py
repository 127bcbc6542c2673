"""Removes what nobody is to see or to have any more: points, records, files.

Each may break off between two writes, and goes on by `recover`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from obstore.exceptions import BaseError

from rag_workloads.library.collections import VectorStoreError
from rag_workloads.library.documents import Document, generation_at
from rag_workloads.library.stores import Stores

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Removal(Stores):
    """What a version that is over, or a document that is deleted, has left in the stores."""

    async def settle(self, document_id: str, generation: int) -> None:
        """Remove what a generation that is over and those before it wrote, but what searches are to see.

        Does nothing if it is not over. May be done at any time.
        """
        document = await self.records.get(document_id)
        if document is None:
            await self.vectors.delete(document_id, generation)
            return
        await self._describe(document)
        if document.generation == generation and document.unfinished:
            return
        for collection in document.collections | {self.target.collection}:
            # A release before this one did not note in which collection they are.
            is_active = document.active_collection in (None, collection)
            kept = document.active_generation if is_active else None
            await self.vectors.delete(document_id, generation, collection=collection, but=kept)
        await self.records.settled(document_id, generation)

    async def delete(self, document_id: str) -> bool:
        """Remove a document from all stores; False if there is none.

        The record goes last, so that a deletion that breaks off goes on by `recover`. What is uploaded under
        the same id meanwhile is a later generation, and stays.
        """
        now = generation_at()
        found = document = await self.records.get(document_id)
        if found is None:  # points may outlive a Redis that was lost
            had_points = await self.vectors.has(document_id)
            await self.vectors.delete(document_id, now)
            return had_points
        while document and document.task == found.task:
            if await self.records.retire(document_id, document.generation):
                await self._finish_deletion(document)
                break
            document = await self.records.get(document_id)  # the same upload was begun anew meanwhile
        else:
            await self.withdraw(document_id, found.generation)
        return True

    async def delete_version(self, document_id: str, generation: int) -> None:
        """Remove a document from all stores, if it is still of this generation."""
        document = await self.records.get(document_id)
        if (
            document
            and document.generation == generation
            and await self.records.retire(document_id, generation)
        ):
            await self._finish_deletion(document)

    async def withdraw(self, document_id: str, through: int) -> None:
        """Remove what searches see of a document that was deleted up to a generation, and uploaded again."""
        if document := await self.records.get(document_id):
            await self._delete_points(document, through)
            await self.records.withdraw(document_id, through)

    async def empty_trash(self) -> None:
        """Delete the files that no record names any more; one that cannot be deleted stays for later.

        What an index has left that does not answer, another may need.
        """
        if await self.indexes.answers(self.queue.pipeline):
            await self._delete_files(await self.records.trash())

    async def _describe(self, document: Document) -> None:
        """Give the chunks that searches see of a document the description that it has."""
        if document.active_generation is None or document.active_collection is None:
            return
        if document.described != document.revised:
            active = document.active_collection, document.document_id, document.active_generation
            await self.vectors.activate(*active, document.description, document.revised)
            await self.records.described(*active[1:], document.revised)

    async def _try_to_settle(self, document_id: str, generation: int) -> None:
        """Settle now, or by `recover`."""
        try:
            await self.settle(document_id, generation)
        except VectorStoreError as failure:
            log.warning("points left for recovery", document_id=document_id, reason=str(failure))

    async def _delete_files(self, keys: Sequence[str]) -> None:
        """Delete files that are trash."""
        if self.files is None:
            return
        for key in keys:
            try:
                await self.files.delete(key)
            except (BaseError, OSError) as error:
                log.warning("file left for later", key=key, reason=str(error))
            else:
                await self.records.trash_emptied([key])

    async def _delete_points(self, document: Document, through: int) -> None:
        """Delete all points of a document up to a generation, wherever they are."""
        for collection in document.collections | {self.target.collection}:
            await self.vectors.delete(document.document_id, through, collection=collection)

    async def _finish_deletion(self, document: Document) -> None:
        document_id, generation = document.document_id, document.generation
        await self.queue.forget(document_id, document.task, generation, document.batches_queued)
        await self._delete_points(document, generation)
        await self.records.delete(document_id, generation)
        await self.empty_trash()
