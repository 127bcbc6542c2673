"""Files in a folder, or in a bucket."""

import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.exceptions import GenericError

from rag_workloads.library import files
from rag_workloads.library.files import (
    INCOMING_SECONDS,
    FilesAway,
    ObjectStore,
    document_key,
    incoming_key,
    is_full,
)


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


async def test_a_folder_that_is_gone_or_none_is_away(tmp_path: Path) -> None:
    folder = tmp_path / "objects"
    store = ObjectStore(folder.as_uri())
    await store.ready()
    folder.rmdir()
    with pytest.raises(FilesAway, match="No such file or directory"):
        await store.ready()
    folder.touch()
    with pytest.raises(FilesAway, match="Not a directory"):
        await store.ready()


async def test_a_bucket_is_away_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    await ObjectStore("memory:///").ready()
    monkeypatch.setattr(files, "READY_SECONDS", 0.1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        for name, value in (
            ("AWS_ENDPOINT", f"http://127.0.0.1:{port}"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "none"),
            ("AWS_SECRET_ACCESS_KEY", "none"),
        ):
            monkeypatch.setenv(name, value)
        with pytest.raises(FilesAway):
            await ObjectStore("s3://bucket/prefix").ready()


@pytest.mark.parametrize(("code", "full"), [(28, True), (122, True), (13, False)])
def test_a_volume_without_room_is_told_from_other_failures(code: int, full: bool) -> None:
    said = f"Generic LocalFileSystem error: Unable to copy data to file: why (os error {code})\n\nDebug"
    assert is_full(GenericError(said)) == full


async def test_only_a_volume_has_an_end(tmp_path: Path) -> None:
    free = await ObjectStore(tmp_path.as_uri()).free_bytes()
    assert free is not None
    assert free > 0
    assert await ObjectStore("memory:///").free_bytes() is None
