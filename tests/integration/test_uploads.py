"""Uploads of one file and of several, what is said of them, and batches; nobody works on the documents."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.integration.api_process import problem
from tests.patience import until

LIMIT = 1000
UPLOAD = "/api/v1/documents/upload"
GOOD, LONG, EMPTY = ("good.txt", b"Some text."), ("long.txt", b"x" * (LIMIT + 1)), ("empty.txt", b"")
OTHER = ("other.txt", b"Another text.")


@pytest.fixture(scope="module")
def api_settings() -> dict[str, str]:
    return {"UPLOAD_LIMIT_BYTES": str(LIMIT)}


async def upload(
    api: httpx.AsyncClient, *files: tuple[str, bytes], data: dict[str, Any] | None = None
) -> httpx.Response:
    return await api.post(UPLOAD, files=[("file", file) for file in files], data=data)


def files_of(folder: Path) -> list[bytes]:
    """What was received or kept, of whatever document."""
    return sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def batch(api: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    found = await api.get(answer.headers["location"])
    assert found.status_code == 200, found.text
    return dict(found.json())


async def test_one_file_is_answered_with_its_task_and_where_to_ask_for_it(api: httpx.AsyncClient) -> None:
    answer = await upload(api, GOOD)
    body = answer.json()
    assert (answer.status_code, body["status"]) == (202, "processing")
    assert set(body) == {"document_id", "status", "task_id", "message"}
    assert answer.headers["location"] == f"{UPLOAD}/status/{body['task_id']}"
    assert (await api.get(answer.headers["location"])).json()["task_id"] == body["task_id"]
    again = await upload(api, GOOD)
    assert (again.status_code, again.json()["task_id"]) == (200, body["task_id"])


async def test_tags_and_metadata_are_those_of_each_file(api: httpx.AsyncClient) -> None:
    data = {"tags": ["a, b", "c"], "metadata": '{"year": 2026}'}
    for said in (await upload(api, GOOD, OTHER, data=data)).json()["documents"]:
        document = (await api.get(f"/api/v1/documents/{said['document_id']}")).json()
        assert (document["tags"], document["metadata"]) == (["a", "b", "c"], {"year": 2026})


async def test_a_bad_file_refuses_itself_only(api: httpx.AsyncClient, folder: Path) -> None:
    before = files_of(folder)
    name = f"{uuid4().hex}".encode()
    answer = await upload(api, LONG, (GOOD[0], name), EMPTY, (OTHER[0], name[::-1]))
    assert answer.status_code == 202
    long, good, empty, other = answer.json()["documents"]
    assert (long["file_name"], long["problem"]["status"]) == ("long.txt", 413)
    assert long["problem"]["type"] == "urn:ragpipeline:problem:file-too-large"
    assert (empty["file_name"], empty["problem"]["detail"]) == ("empty.txt", "The file is empty.")
    assert (good["file_name"], good["status"]) == ("good.txt", "processing")
    assert (other["file_name"], other["status"]) == ("other.txt", "processing")
    assert files_of(folder) == sorted([*before, name, name[::-1]])


@pytest.mark.parametrize(
    ("files", "data", "refused"),
    [
        ([LONG], {}, (413, "file-too-large")),
        ([EMPTY], {}, (422, "invalid-upload")),
        ([LONG, EMPTY], {}, (422, "all-files-refused")),
        ([GOOD, OTHER], {"document_id": "one"}, (422, "invalid-upload")),
        ([GOOD], {"document_id": "../escape"}, (422, "invalid-document-id")),
        ([GOOD, OTHER], {"metadata": "[]"}, (422, "invalid-description")),
        ([GOOD] * 101, {}, (422, "invalid-upload")),
        ([("huge.txt", b"x" * 20 * LIMIT)] * 5, {}, (413, "payload-too-large")),
    ],
)
async def test_what_is_refused_leaves_nothing_behind(
    api: httpx.AsyncClient,
    folder: Path,
    files: list[tuple[str, bytes]],
    data: dict[str, str],
    refused: tuple[int, str],
) -> None:
    before = files_of(folder)
    assert problem(await upload(api, *files, data=data)) == refused
    assert files_of(folder) == before
    assert (await api.get("/api/v1/documents")).json()["total"] == 0


async def test_a_client_that_leaves_leaves_nothing_behind(api: httpx.AsyncClient, folder: Path) -> None:
    before = files_of(folder)
    head = '--XX\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{name}\r\n'
    came = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        for name in ("first", "second"):
            yield head.format(name=name).encode()
        await came.wait()

    form = {"Content-Type": "multipart/form-data; boundary=XX"}
    sent = asyncio.create_task(api.post(UPLOAD, content=body(), headers=form))

    async def received() -> bool:
        return b"first" in files_of(folder)

    async def gone() -> bool:
        return files_of(folder) == before

    await until(received)
    sent.cancel()
    await until(gone)
    assert (await api.get("/api/v1/documents")).json()["total"] == 0


async def test_a_batch_says_how_far_each_file_is(api: httpx.AsyncClient) -> None:
    texts = [f"Text number {number}." for number in range(4)]
    files = [(f"{number}.txt", text.encode()) for number, text in enumerate(texts)]
    answer = await upload(api, *files, EMPTY)
    documents = answer.json()["documents"]
    seen = await batch(api, answer)
    assert (seen["batch_id"], seen["progress"]) == (answer.json()["batch_id"], 0)
    assert seen["counts"] == {"pending": 4, "refused": 1}
    assert [each["file_name"] for each in seen["documents"]] == [*(name for name, _ in files), "empty.txt"]
    assert seen["documents"][-1]["problem"] == documents[-1]["problem"]
    cancelled, deleted, replaced = (each["document_id"] for each in documents[:3])
    await api.post(f"/api/v1/documents/{cancelled}/cancel")
    assert (await api.delete(f"/api/v1/documents/{deleted}")).status_code == 204
    await upload(api, GOOD, data={"document_id": replaced})
    seen = await batch(api, answer)
    assert seen["counts"] == {"cancelled": 1, "deleted": 1, "failed": 1, "pending": 1, "refused": 1}
    assert seen["documents"][2]["error"]["code"] == "SUPERSEDED"
    assert seen["progress"] == 75


@pytest.mark.parametrize(
    ("batch_id", "refused"), [("0" * 32, (404, "batch-not-found")), ("none", (422, "invalid-batch-id"))]
)
async def test_there_must_be_a_batch(api: httpx.AsyncClient, batch_id: str, refused: tuple[int, str]) -> None:
    assert problem(await api.get(f"/api/v1/batches/{batch_id}")) == refused
