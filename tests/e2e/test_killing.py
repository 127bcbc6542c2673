"""A document survives the SIGKILL of its embedding pods, with exactly the chunks that it should have."""

import asyncio
from pathlib import Path

import pytest
from demo.client import Client, Status
from demo.pipeline import Pipeline

from tests.documents import ended, uploaded
from tests.e2e.killing import Killer
from tests.e2e.vectors import Vectors
from tests.expected import expected_chunks

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTAINER = "embedding"
KILLS = 2


async def test_chunks_are_exact_after_sigkill(
    pipeline: Pipeline, client: Client, manual: Path, killer: Killer, vectors: Vectors, tmp_path: Path
) -> None:
    path = tmp_path / "e2e-killed.pdf"
    path.write_bytes(manual.read_bytes())
    pods = f"app.kubernetes.io/instance={pipeline.name},app.kubernetes.io/component=embedding"
    killed_before = await killer.killed(pods, CONTAINER)
    async with uploaded(client, path) as (task,):
        for _ in range(KILLS):
            await _embedding(client, task)
            assert await killer.kill(pods, CONTAINER) > 0
            assert not (await client.status(task)).ended, "the document was completed before the kill"
            await _restarted(pipeline)
        status = await ended(client, task)
        assert status.status == "completed", status.error
        assert await killer.killed(pods, CONTAINER) > killed_before
        await _assert_exact(client, vectors, path, status)


async def _embedding(client: Client, task: str) -> Status:
    """Waits until more batches than before are embedded."""
    start = await client.status(task)
    async with asyncio.timeout(90):
        while True:
            status = await client.status(task)
            if status.stage == "embedding" and status.progress > max(30, start.progress):
                return status
            await asyncio.sleep(0.1)


async def _restarted(pipeline: Pipeline) -> None:
    """Waits until all wanted embedding pods are ready again."""
    async with asyncio.timeout(90):
        await asyncio.sleep(2)  # the kubelet needs a moment to notice
        while (replicas := await pipeline.replicas()).ready < replicas.desired:
            await asyncio.sleep(0.5)


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
