"""Uploads to one document whose last bytes arrive at once: each has a task of its own, and one is left."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.api_process import lone_api
from tests.integration.conftest import MODEL, PIPELINE
from tests.integration.service_process import running
from tests.patience import until
from tests.ports import free_port

from rag_workloads.library.lifecycle import Library
from rag_workloads.library.points import Version

PATH = "/api/v1/documents/upload"
ID = b'--XX\r\nContent-Disposition: form-data; name="document_id"\r\n\r\nshared\r\n'
FILE = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
END = b"\r\n--XX--\r\n"
HEADERS = {"Content-Type": "multipart/form-data; boundary=XX"}
TEXTS = [f"The lighthouse keeper of year {number} is called Ingrid." for number in range(6)]


@pytest.fixture
async def client(
    library: Library,
    redis_server: str,
    qdrant_url: str,
    embedding_url: str,
    collection: str,
    model_folder: Path,
    tmp_path: Path,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a whole pipeline, over the stores of `library`."""
    settings = {
        "PIPELINE": PIPELINE,
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "QDRANT_COLLECTION": collection,
        "EMBEDDING_MODEL": MODEL,
        "STORAGE_URL": (tmp_path / "objects").as_uri(),
    }
    port = str(free_port())
    worker = {**settings, "MODEL_PATH": str(model_folder), "HOST": "127.0.0.1", "PORT": port}
    with (
        running("rag_workloads.worker", env=worker, probe=f"http://127.0.0.1:{port}/ready"),
        lone_api(**settings, EMBEDDING_URL=embedding_url) as url,
    ):
        async with httpx.AsyncClient(base_url=url, timeout=None) as client:
            yield client


async def upload_at_once(client: httpx.AsyncClient) -> list[httpx.Response]:
    """Upload all texts; none ends before every other has but its end to send."""
    barrier = asyncio.Barrier(len(TEXTS))

    async def body(text: str) -> AsyncIterator[bytes]:
        yield ID + FILE + text.encode()
        await barrier.wait()
        yield END

    uploads = (client.post(PATH, content=body(text), headers=HEADERS) for text in TEXTS)
    return await asyncio.gather(*uploads)


async def ended(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    """The status of a task once it has ended."""

    async def status() -> dict[str, Any] | None:
        said: dict[str, Any] = (await client.get(f"{PATH}/status/{task_id}")).json()
        return said if said["status"] in ("completed", "failed") else None

    return await until(status)


async def test_each_has_its_own_task_and_one_document_is_left(
    client: httpx.AsyncClient, library: Library, tmp_path: Path
) -> None:
    answers = await upload_at_once(client)
    assert [answer.status_code for answer in answers] == [202] * len(TEXTS)
    assert {answer.json()["document_id"] for answer in answers} == {"shared"}
    tasks = [answer.json()["task_id"] for answer in answers]
    assert len(set(tasks)) == len(TEXTS)

    ends = [await ended(client, task) for task in tasks]
    (left,) = [at for at, end in enumerate(ends) if end["status"] == "completed"]
    assert all(end["error"]["code"] == "SUPERSEDED" for end in ends if end is not ends[left])
    chunks = (await client.get("/api/v1/documents/shared/chunks")).json()["chunks"]
    assert [chunk["text"] for chunk in chunks] == [TEXTS[left]], "the task is that of its own upload"
    assert (await client.get("/api/v1/documents")).json()["total"] == 1

    document = await library.records.get("shared")
    assert document

    async def nothing_else_is_left() -> bool:
        assert library.files
        files = [file.key async for file in library.files.documents()]
        points = [version async for version in library.vectors.versions()]
        generation = Version("shared", document.generation, active=True)
        return (
            files == [document.object_key]
            and points == [generation]
            and await library.queue.depths() == (0, 0)
        )

    assert await until(nothing_else_is_left)
    assert list((tmp_path / "objects" / "incoming").glob("*")) == []
