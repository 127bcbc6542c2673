"""What every service's app does with errors and with bodies."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from rag_workloads import tasks
from rag_workloads.web import service
from rag_workloads.web.bodies import Pace


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def ready() -> None:
    return


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    pace = Pace(idle_seconds=30, bytes_per_second=1)
    app = service.create_app("test", lifespan, ready, body_limit=10, body_limits={"/large": 20}, pace=pace)

    @app.get("/broken")
    async def broken() -> None:
        raise KeyError("a bug")

    @app.post("/large")
    @app.post("/small")
    async def read(request: Request) -> int:
        return len(await request.body())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_an_error_that_nobody_foresaw_is_answered_with_the_requests_id(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/broken", headers={"x-request-id": "mine"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "mine")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:ragpipeline:problem:internal"


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x"


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [("/small", 10, 200), ("/small", 11, 413), ("/large", 20, 200), ("/large", 21, 413)],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_a_limit_whether_its_length_is_stated_or_not(
    client: httpx.AsyncClient, path: str, size: int, status: int, chunked: bool
) -> None:
    answer = await client.post(path, content=pieces(size) if chunked else b"x" * size)
    assert answer.status_code == status
    if status == 413:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:ragpipeline:problem:payload-too-large"


@pytest.mark.parametrize(
    ("pauses", "status"),
    [([29, 1], 200), ([31], 408), ([0, 29], 200), ([0, 31], 408), ([20, 10], 200), ([20, 10, 10], 408)],
    ids=["in time", "late", "goes on", "stands still", "slow at first", "too slow"],
)
async def test_a_body_comes_at_a_pace(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, pauses: list[float], status: int
) -> None:
    loop = asyncio.get_running_loop()

    async def paused() -> AsyncIterator[bytes]:
        for seconds in pauses:
            monkeypatch.setattr(loop, "time", lambda now=loop.time, later=seconds: now() + later)
            for _ in range(3):  # the loop sees what the time is, and what it means
                await asyncio.sleep(0)
            yield b"x"

    answer = await client.post("/small", content=paused())
    assert answer.status_code == status
    if status == 408:
        assert answer.json()["type"] == "urn:ragpipeline:problem:request-timeout"
        assert answer.headers["connection"] == "close"


async def test_a_background_task_that_broke_off_is_noticed() -> None:
    async def breaks_off() -> None:
        raise ValueError("a bug")

    ends, broken = asyncio.create_task(ready()), asyncio.create_task(breaks_off())
    runs = asyncio.create_task(asyncio.sleep(60))
    await asyncio.wait([ends, broken])
    tasks.check(ends, runs)
    with pytest.raises(ValueError, match="a bug"):
        tasks.check(ends, runs, broken)
    await tasks.end(runs)
    with pytest.raises(RuntimeError, match="cancelled"):
        tasks.check(runs)


async def test_a_process_whose_work_has_broken_off_is_not_alive() -> None:
    async def breaks_off() -> None:
        raise ValueError("a bug")

    work = asyncio.create_task(breaks_off())
    app = service.create_app("test", lifespan, ready, alive=lambda: tasks.check(work))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        alive = await client.get("/live")
        await asyncio.wait([work])
        broken = await client.get("/live")
    assert alive.status_code == 200
    assert (broken.status_code, broken.json()["detail"]) == (503, "a bug")
