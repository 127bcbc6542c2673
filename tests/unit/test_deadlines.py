"""An answer ends in time."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from rag_workloads.web.deadlines import AnswerTimeout, Deadline

HOUR = 3600


async def hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the event loop's clock go on by an hour, and nobody wait for it."""
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "time", lambda now=loop.time: now() + HOUR)


async def test_what_takes_longer_is_ended_with_a_problem() -> None:
    with pytest.raises(AnswerTimeout, match=r"longer than 0\.01 seconds") as ended:
        async with Deadline(0.01).limit():
            await asyncio.sleep(HOUR)
    assert (ended.value.status, ended.value.type) == (504, "answer-timeout")


async def test_other_timeouts_stay_what_they_are() -> None:
    with pytest.raises(TimeoutError, match="of something else"):
        async with Deadline(HOUR).limit():
            raise TimeoutError("of something else")


async def test_a_stream_gives_what_came_in_time_and_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = asyncio.Event()

    async def pieces() -> AsyncGenerator[str]:
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            closed.set()

    bound = Deadline(HOUR).bound(pieces())
    assert await anext(bound) == "first"
    await hour_later(monkeypatch)
    with pytest.raises(AnswerTimeout):
        await anext(bound)
    assert closed.is_set()


async def test_a_reader_that_is_too_slow_gets_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def pieces() -> AsyncGenerator[str]:
        yield "first"
        await asyncio.sleep(0)
        yield "second"

    bound = Deadline(HOUR).bound(pieces())
    assert await anext(bound) == "first"
    await hour_later(monkeypatch)
    with pytest.raises(AnswerTimeout):
        await anext(bound)
