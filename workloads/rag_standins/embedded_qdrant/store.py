"""All collections, one folder each."""

import asyncio
import shutil
import uuid
from pathlib import Path
from typing import Any

import structlog

from rag_standins.embedded_qdrant.collection import Collection, create_folder
from rag_standins.embedded_qdrant.errors import QdrantError, bad_request, missing_collection

MAINTENANCE_SECONDS = 5
FORBIDDEN_IN_NAMES = set('<>:"/\\|?*\0')

log = structlog.get_logger(__name__)


class Store:
    """Collections by name. Half-made and half-deleted ones are in a folder of their own, emptied at start."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "collections"
        self._scratch = root / "scratch"
        self._names = asyncio.Lock()
        self.collections: dict[str, Collection] = {}

    async def open(self) -> None:
        """Open every collection on disk."""
        await asyncio.to_thread(self._open)

    def get(self, name: str) -> Collection:
        """The collection, or a 404."""
        try:
            return self.collections[name]
        except KeyError:
            raise missing_collection(name) from None

    async def create(self, name: str, body: dict[str, Any]) -> None:
        """Create a collection; a 409 if it exists."""
        if not 0 < len(name) <= 255 or FORBIDDEN_IN_NAMES & set(name) or name in (".", ".."):
            raise bad_request(f"collection name {name!r} is not allowed")
        async with self._names:
            if name in self.collections:
                raise QdrantError(409, f"Wrong input: Collection `{name}` already exists!")
            draft = self._scratch / uuid.uuid4().hex
            await asyncio.to_thread(create_folder, draft, body)
            draft.rename(self._folder / name)
            self.collections[name] = await asyncio.to_thread(Collection.open, self._folder / name)

    async def delete(self, name: str) -> bool:
        """Delete a collection; whether there was one."""
        async with self._names:
            collection = self.collections.pop(name, None)
            if collection is None:
                return False
            await collection.close()
            grave = self._scratch / uuid.uuid4().hex
            (self._folder / name).rename(grave)
            await asyncio.to_thread(shutil.rmtree, grave)
            return True

    async def maintain(self) -> None:
        """Tend to all collections, for ever."""
        while True:
            await asyncio.sleep(MAINTENANCE_SECONDS)
            for name, collection in list(self.collections.items()):
                try:
                    await collection.maintain()
                except Exception:  # one that was deleted meanwhile, or a full disk that is emptied again
                    log.exception("collection not maintained", collection=name)

    async def close(self) -> None:
        """Flush and close all collections."""
        for collection in self.collections.values():
            await collection.close()

    def _open(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        for folder in (self._folder, self._scratch):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in sorted(self._folder.iterdir()):
            self.collections[folder.name] = Collection.open(folder)
