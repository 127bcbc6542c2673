"""Files in a folder."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.exceptions import GenericError

from rag_workloads.library import files
from rag_workloads.library.files import INCOMING_SECONDS, ObjectStore, document_key, incoming_key, is_full


async def data() -> AsyncIterator[bytes]:
    yield b"data"


async def test_only_old_remains_of_uploads_are_swept(tmp_path: Path) -> None:
    folder = tmp_path / "my objects"
    store = ObjectStore(folder.as_uri())
    await store.sweep()
    for upload in ("old", "now"):
        await store.put(incoming_key(upload), data())
    (folder / "incoming" / "killed#1").write_bytes(b"da")
    (folder / "documents").mkdir()
    (folder / "documents" / "old").write_bytes(b"data")
    long_ago = time.time() - INCOMING_SECONDS - 60
    for path in ("incoming/old", "incoming/killed#1", "documents/old"):
        os.utime(folder / path, (long_ago, long_ago))
    await store.sweep()
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {"incoming/now", "documents/old"}


async def test_a_bucket_is_swept_too(monkeypatch: pytest.MonkeyPatch) -> None:
    store, document = ObjectStore("memory:///"), document_key("doc", "one")
    await store.sweep()
    for key in (incoming_key("one"), document):
        await store.put(key, data())
    await store.sweep()
    assert await store.exists(incoming_key("one")), "it may be an upload that goes on"
    monkeypatch.setattr(files, "INCOMING_SECONDS", -60)
    await store.sweep()
    assert not await store.exists(incoming_key("one"))
    assert await store.exists(document)


@pytest.mark.parametrize(("code", "full"), [(28, True), (122, True), (13, False)])
def test_a_volume_without_room_is_told_from_other_failures(code: int, full: bool) -> None:
    said = f"Generic LocalFileSystem error: Unable to copy data to file: why (os error {code})\n\nDebug"
    assert is_full(GenericError(said)) == full


async def test_only_a_volume_has_an_end(tmp_path: Path) -> None:
    free = await ObjectStore(tmp_path.as_uri()).free_bytes()
    assert free is not None
    assert free > 0
    assert await ObjectStore("memory:///").free_bytes() is None
