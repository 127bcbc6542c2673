"""How often an API may fail to answer before what it told is no longer believed."""

import asyncio

import httpx
import pytest
from tests.patience import PATIENCE_SECONDS
from tests.unit.pipelines import MINILM, find, observed, pipeline

from rag_contract.stats import QueueStats, Stats
from rag_operator import asking
from rag_operator.asking import Asker
from rag_operator.evidence import Observed
from rag_operator.keys import Key
from rag_operator.stats import Question, Told

COUNTS = QueueStats(ingest=0, embed=0)
WELL = Told(Stats(documents={}, searchable=1, collection="docs", queue=COUNTS, embedding_model=MINILM))
NOTHING = Told()


@pytest.mark.parametrize(
    ("answers", "believed"),
    [
        ([WELL, NOTHING, WELL, NOTHING], [WELL]),
        ([WELL, NOTHING, NOTHING, NOTHING], [WELL, NOTHING]),
        ([NOTHING, WELL], [WELL]),
        ([NOTHING, NOTHING, WELL], [NOTHING, WELL]),
    ],
)
async def test_two_answers_that_fail_to_come_end_what_was_told(
    answers: list[Told], believed: list[Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    left, over, seen = list(answers), asyncio.Event(), list[Told]()
    children = observed()
    find(children, "Deployment", "demo-api")["status"] = {"readyReplicas": 1}

    def told() -> Told:
        return asker.told(pipeline(), Observed(children), {})

    async def ask(_: httpx.AsyncClient, __: Question) -> Told:
        if not left:
            over.set()
            await asyncio.Event().wait()
        return left.pop(0)

    def changed(key: Key) -> None:
        assert key == Key("team", "demo")
        seen.append(told())

    monkeypatch.setattr(asking, "ask", ask)
    monkeypatch.setattr(asking, "ASKED_PER_SECOND", 1e9)
    asker = Asker(0, changed)
    assert told().pending
    running = asyncio.create_task(asker.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await over.wait()
    running.cancel()
    assert seen == believed


async def test_what_was_asked_before_a_change_is_not_believed_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, answered = asyncio.Queue[None](), asyncio.Queue[Told]()
    children = observed()
    find(children, "Deployment", "demo-api")["status"] = {"readyReplicas": 1}

    async def ask(_: httpx.AsyncClient, __: Question) -> Told:
        asked.put_nowait(None)
        return await answered.get()

    seen = asyncio.Queue[Told]()

    def told() -> Told:
        return asker.told(pipeline(), Observed(children), {})

    monkeypatch.setattr(asking, "ask", ask)
    asker = Asker(PATIENCE_SECONDS, lambda _: seen.put_nowait(told()))
    assert told().pending
    running = asyncio.create_task(asker.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asked.get()
        asker.renew(Key("team", "demo"))  # the question is on its way
        await asked.get()
        answered.put_nowait(WELL._replace(pending=True))  # to the first
        answered.put_nowait(WELL)
        assert await seen.get() == WELL
        asker.renew(Key("team", "demo"))
        assert told().pending
    running.cancel()
