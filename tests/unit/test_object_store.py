"""Files in a folder."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from rag_workloads.library.files import INCOMING_SECONDS, ObjectStore, incoming_key


async def test_only_old_remains_of_uploads_are_swept(tmp_path: Path) -> None:
    folder = tmp_path / "my objects"
    store = ObjectStore(folder.as_uri())
    await store.sweep()

    async def data() -> AsyncIterator[bytes]:
        yield b"data"

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
