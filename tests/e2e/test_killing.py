"""Documents survive the SIGKILL of their embedding pods, with exactly the chunks that they should have."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from signal import Signals

import pytest
from demo import corpus, spike

from rag_cli.answers import Status
from rag_cli.client import Client
from rag_contract.stats import QueueStats
from tests.documents import ended, removed
from tests.e2e.killing import Killer
from tests.e2e.redis import Redis
from tests.e2e.vectors import Vectors
from tests.expected import expected_chunks
from tests.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMPONENT = "embedding"
KILLS = 2
# Work for the pods for as long as they are to be killed, and less than what brings more pods.
WAITING_BATCHES = 8
PREFIX = "e2e-killed-"

Uploads = dict[Path, str]


async def test_chunks_are_exact_after_sigkill(
    client: Client, manual: Path, killer: Killer, redis: Redis, vectors: Vectors, tmp_path: Path
) -> None:
    files = await corpus.parts(manual, spike.PARTS)
    held = set[str]()
    async with removed(client, PREFIX):
        async with _feeding(client, files, tmp_path) as uploads:
            for _ in range(KILLS):
                held |= await _kill_at_work(killer, redis, held)
            assert await killer.killed(COMPONENT)
        assert all(any(f":{path.stem}." in job for path in uploads) for job in held)
        for path, task in uploads.items():
            status = await ended(client, task)
            assert status.status == "completed", status.error
            await _assert_exact(client, vectors, path, status)


@asynccontextmanager
async def _feeding(client: Client, files: list[Path], folder: Path) -> AsyncIterator[Uploads]:
    """Uploads documents while the body runs, so that batches wait on any machine; yields their tasks."""
    uploads: Uploads = {}
    over = asyncio.Event()

    async def feed() -> None:
        for number, file in enumerate(cycle(files)):
            while not over.is_set() and _busy((await client.stats()).queue):
                await asyncio.sleep(0.1)
            if over.is_set():  # no upload is broken off: its document may be there all the same
                return
            path = folder / f"{PREFIX}{number:03}.pdf"
            path.symlink_to(file)
            uploads[path] = (await client.upload(path, path.stem)).task_id

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        try:
            yield uploads
        finally:
            over.set()


def _busy(queue: QueueStats) -> bool:
    return queue.ingest > 0 or queue.embed >= WAITING_BATCHES


async def _kill_at_work(killer: Killer, redis: Redis, before: set[str]) -> set[str]:
    """Kills all pods while they hold batches, which are returned, and waits until they are back.

    First they are stopped: what they hold then they cannot finish, however fast they are, before they die.
    """

    async def held() -> set[str]:
        await killer.send(Signals.SIGSTOP, COMPONENT)
        found = await redis.leases() - before
        if not found:
            await killer.send(Signals.SIGCONT, COMPONENT)
        return found

    found = await until(held)
    killed = await killer.send(Signals.SIGKILL, COMPONENT)
    await killer.replaced(COMPONENT, killed)
    return found


async def _assert_exact(client: Client, vectors: Vectors, path: Path, status: Status) -> None:
    expected = [
        (f"{path.stem}_chunk_{chunk.index}", chunk.page, chunk.text) for chunk in expected_chunks(path)
    ]
    found = [(chunk.chunk_id, chunk.page, chunk.text) for chunk in await client.chunks(path.stem)]
    assert found == expected
    assert status.result
    assert status.result.chunks == len(expected)
    points = await vectors.points(path.stem)
    assert sorted(point["chunk_id"] for point in points) == sorted(chunk_id for chunk_id, _, _ in expected)
    generation = int(status.task_id.rpartition(".")[2])
    assert {(point["generation"], point["active"]) for point in points} == {(generation, True)}
