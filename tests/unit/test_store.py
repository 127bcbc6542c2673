"""The upkeep of the embedded vector store's collections."""

import asyncio
from pathlib import Path

import pytest
from tests.patience import PATIENCE_SECONDS

from rag_standins.embedded_qdrant import store
from rag_standins.embedded_qdrant.store import Store
from rag_workloads import tasks


class Tended:
    """Stands in for a collection: counts its upkeep, which may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error, self.times = error, 0

    async def maintain(self) -> None:
        self.times += 1
        if self._error:
            raise self._error


async def test_a_collection_that_fails_keeps_no_other_from_its_upkeep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAINTENANCE_SECONDS", 0)
    full, fine = Tended(OSError("No space left on device")), Tended()
    kept = Store(tmp_path)
    kept.collections |= {"full": full, "fine": fine}  # type: ignore[dict-item]
    maintaining = asyncio.create_task(kept.maintain())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while fine.times < 3:
            await asyncio.sleep(0)
    assert full.times >= 3
    await tasks.end(maintaining)
