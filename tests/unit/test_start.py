"""A start that waits for what it needs, and says for what."""

import asyncio

import pytest

from rag_workloads import tasks
from rag_workloads.web import start
from rag_workloads.web.start import Start


class Refused(Exception):
    """Nothing that passes."""


async def test_a_step_is_taken_until_it_works_and_what_it_waits_for_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start, "RESTART_SECONDS", 0)
    reasons, told = list[str](), list[str]()

    async def tell(error: Exception | None) -> None:
        told.append(repr(error))

    starting = Start(tell, Refused)

    async def connect() -> str:
        reasons.append(starting.reason)
        if len(reasons) < 3:
            raise ConnectionError("nobody answers" if len(reasons) == 1 else "")
        return "connected"

    assert await starting.take("The store did not answer yet.", connect) == "connected"
    assert reasons == ["The store did not answer yet.", "nobody answers", "ConnectionError"]
    assert told == ["ConnectionError('nobody answers')", "ConnectionError('')", "None"]
    assert await starting.take("", connect) == "connected"
    assert len(told) == 3, "nothing kept that step"


async def tell_nobody(_: Exception | None) -> None:
    pass


async def test_a_refusal_ends_the_start_and_is_told_in_words() -> None:
    async def refuse() -> None:
        raise Refused("it is another's")

    async def breaks_off() -> None:
        raise ValueError("a bug")

    refused = asyncio.create_task(Start(tell_nobody, Refused).take("", refuse))
    broken, cancelled = asyncio.create_task(breaks_off()), asyncio.create_task(asyncio.Event().wait())
    assert tasks.refusal((Refused,), refused, broken, cancelled) is None, "nothing has ended yet"
    await asyncio.wait([refused, broken])
    await tasks.end(cancelled)
    assert tasks.refusal((Refused,), cancelled, broken, refused) == "it is another's"
    assert tasks.refusal((Refused,), cancelled, broken) is None
