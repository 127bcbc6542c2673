"""An answer ends in time."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from rag_workloads.web.deadlines import AnswerTimeout, Deadline

HOUR = 3600


async def test_what_takes_longer_is_ended_with_a_problem() -> None:
    with pytest.raises(AnswerTimeout, match=r"longer than 0\.01 seconds") as ended:
        async with Deadline(0.01).limit():
            await asyncio.sleep(HOUR)
    assert (ended.value.status, ended.value.type) == (504, "answer-timeout")


async def test_other_timeouts_stay_what_they_are() -> None:
    with pytest.raises(TimeoutError, match="of something else"):
        async with Deadline(HOUR).limit():
            raise TimeoutError("of something else")


async def test_a_stream_gives_what_came_in_time_and_is_closed() -> None:
    closed = asyncio.Event()

    async def pieces() -> AsyncGenerator[str]:
        try:
            yield "first"
            await asyncio.sleep(HOUR)
        finally:
            closed.set()

    bound = Deadline(0.05).bound(pieces())
    assert await anext(bound) == "first"
    with pytest.raises(AnswerTimeout):
        await anext(bound)
    assert closed.is_set()


async def test_a_reader_that_is_too_slow_gets_no_more() -> None:
    async def pieces() -> AsyncGenerator[str]:
        yield "first"
        await asyncio.sleep(0)
        yield "second"

    bound = Deadline(0.05).bound(pieces())
    assert await anext(bound) == "first"
    await asyncio.sleep(0.1)
    with pytest.raises(AnswerTimeout):
        await anext(bound)
