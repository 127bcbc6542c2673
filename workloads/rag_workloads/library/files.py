"""Uploaded files, in a folder or in a bucket: file:///folder, s3://bucket/prefix, gs://…, az://…"""

import asyncio
import contextlib
import errno
import os
import shutil
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import anyio
import anyio.to_thread
import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

READ_BYTES = 1 << 20
READY_SECONDS = 5
INCOMING, DOCUMENTS = "incoming", "documents"
# No upload lasts longer.
INCOMING_SECONDS = 24 * 3600


def incoming_key(upload: str) -> str:
    """Where an upload is written while its document's id may be unknown."""
    return f"{INCOMING}/{upload}"


def document_key(document_id: str, upload: str) -> str:
    """Where a document's bytes stay: apart for each upload, so that no deletion takes a later one's file."""
    return f"{DOCUMENTS}/{document_id}/{upload}"


class FilesAway(Exception):
    """The store cannot be read now, whatever the file: the same call may succeed later."""


class StoredFile(NamedTuple):
    """A document's file; `document_id` is the one in its key."""

    key: str
    document_id: str
    modified_at: datetime


class ObjectStore:
    """Files by key. Errors are obstore's; FileNotFoundError if there is no such key."""

    def __init__(self, url: str) -> None:
        self._folder: Path | None = None
        if url.startswith("file:"):
            self._folder = Path(unquote(urlsplit(url).path))
            self._store = from_url(url, mkdir=True, automatic_cleanup=True)
        else:
            self._store = from_url(url)

    async def ready(self) -> None:
        """Raise FilesAway if the store does not show what it has.

        An error of one file says nothing of the others: of a volume that is not there, each is just missing.
        """
        try:
            async with asyncio.timeout(READY_SECONDS):
                if self._folder:
                    await anyio.to_thread.run_sync(_look, self._folder, abandon_on_cancel=True)
                else:
                    await anext(obstore.list(self._store, f"{DOCUMENTS}/", chunk_size=1), None)
        except (BaseError, OSError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise FilesAway(f"The store of the files cannot be read: {reason}") from error

    async def put(self, key: str, data: AsyncIterator[bytes]) -> None:
        """Write a stream; nothing is left behind if it breaks, and the error is its own."""
        failures: list[Exception] = []
        try:
            await obstore.put_async(self._store, key, _noting(failures, data))
        except Exception:
            if failures:
                raise failures[0] from None
            raise

    async def rename(self, source: str, target: str) -> None:
        """Move a file, over the target if there is one."""
        await obstore.rename_async(self._store, source, target)

    async def fetch(self, key: str, path: Path) -> None:
        """Copy a file to a local path."""
        result = await obstore.get_async(self._store, key)
        async with await anyio.open_file(path, "wb") as file:
            async for part in result.stream(min_chunk_size=READ_BYTES):
                await file.write(part)

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes of a file from `start` to before `end`, as they are read."""
        result = await obstore.get_async(self._store, key, options={"range": (start, end)})
        return result.stream(min_chunk_size=READ_BYTES)

    async def exists(self, key: str) -> bool:
        """Whether there is a file."""
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove a file if it is there."""
        with contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)

    async def documents(self) -> AsyncIterator[StoredFile]:
        """All files that stay, of whatever document."""
        async for page in obstore.list(self._store, f"{DOCUMENTS}/"):
            for each in page:
                _, *parts = each["path"].split("/", 2)
                if len(parts) == 2:  # else it is nothing of ours
                    yield StoredFile(each["path"], parts[0], each["last_modified"])

    async def free_bytes(self) -> int | None:
        """Bytes that the volume has left; None for a bucket, which has no end."""
        if self._folder is None:
            return None
        return (await anyio.to_thread.run_sync(shutil.disk_usage, self._folder)).free

    async def sweep(self) -> None:
        """Remove what is left of uploads whose process was killed.

        Of a file that a bucket has got only in part it shows nothing: that is for a rule of the bucket.
        """
        before = time.time() - INCOMING_SECONDS
        if self._folder:
            # Not by the store's own list, which does not show files that are half written.
            await anyio.to_thread.run_sync(_sweep, self._folder / INCOMING, before)
            return
        async for page in obstore.list(self._store, f"{INCOMING}/"):
            for each in page:
                if each["last_modified"].timestamp() < before:
                    await self.delete(each["path"])


def is_full(error: BaseError) -> bool:
    """Whether the volume had no room, or the quota none: obstore has no error of its own for that."""
    return any(f"(os error {code})" in str(error) for code in (errno.ENOSPC, errno.EDQUOT))


async def _noting(failures: list[Exception], data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Keep the error that ends a stream: the store raises one of its own in its place."""
    try:
        async for part in data:
            yield part
    except Exception as error:
        failures.append(error)
        raise


def _look(folder: Path) -> None:
    with os.scandir(folder) as entries:
        next(entries, None)


def _sweep(folder: Path, before: float) -> None:
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another pod sweeps too
            if path.stat().st_mtime < before:
                path.unlink()
