import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from rag_workloads.embedding.engine import Direction, InputTooLong, Lane, Overloaded
from rag_workloads.embedding.lanes import Call, Lanes, Window, take_batch


class RecordingModel:
    """Embeds a text as its own length, and keeps what it was asked."""

    parallel = 1
    dimension = 1

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def tokenize(
        self, texts: list[str], truncate: bool = True, direction: Direction = "right"
    ) -> list[list[int]]:
        if not truncate and any(len(text) > 50 for text in texts):
            raise InputTooLong("too long")
        return [[0] * len(text) for text in texts]

    def infer(self, tokens: list[list[int]]) -> NDArray[np.float32]:
        self.batches.append([len(ids) for ids in tokens])
        if any(len(ids) == 13 for ids in tokens):
            raise RuntimeError("unlucky")
        return np.array([[len(ids)] for ids in tokens], np.float32)


@pytest.fixture
def model() -> RecordingModel:
    return RecordingModel()


@pytest.fixture
async def lanes(model: RecordingModel) -> AsyncIterator[Lanes]:
    lanes = Lanes(model, max_batch_tokens=100, max_waiting=10)  # type: ignore[arg-type]
    yield lanes
    await lanes.close()


async def windows(lengths: list[int]) -> list[Window]:
    call = Call(len(lengths), 1)
    found = [Window([0] * length, call, row, row) for row, length in enumerate(lengths)]
    return sorted(found, key=len)


@pytest.mark.parametrize(
    ("lengths", "batch"),
    [
        ([30], [30]),
        ([500, 10], [500]),
        ([10, 10, 10, 90], [10, 10, 10]),
        ([90, 10, 10, 10], [90]),
        ([33, 34, 10, 32, 90], [33, 34]),
        ([25, 25, 25, 25, 25], [25, 25, 25, 25]),
        ([50, 48, 20, 20], [48, 50]),
    ],
)
async def test_a_batch_is_the_first_in_line_and_its_like(lengths: list[int], batch: list[int]) -> None:
    waiting = await windows(lengths)
    taken = take_batch(waiting, 100)
    assert [len(window) for window in taken] == batch
    assert sorted(map(len, [*waiting, *taken])) == sorted(lengths)
    assert 0 in [window.turn for window in taken]


async def test_vectors_come_back_in_the_order_of_the_texts(lanes: Lanes) -> None:
    texts = ["a" * length for length in (40, 3, 17, 3, 60)]
    calls = await asyncio.gather(lanes.embed(texts, Lane.BULK), lanes.embed(texts[::-1], Lane.QUERY))
    assert calls[0].ravel().tolist() == [40, 3, 17, 3, 60]
    assert calls[1].ravel().tolist() == [60, 3, 17, 3, 40]


async def test_queries_go_first(lanes: Lanes, model: RecordingModel) -> None:
    bulk = asyncio.create_task(lanes.embed(["b" * 90] * 20, Lane.BULK))
    await asyncio.sleep(0)
    await lanes.embed(["q"], Lane.QUERY)
    assert [1] in model.batches
    assert not bulk.done()
    await bulk


async def test_a_failed_batch_fails_its_callers_only(lanes: Lanes) -> None:
    good, bad = await asyncio.gather(
        lanes.embed(["a" * 90], Lane.QUERY), lanes.embed(["b" * 13], Lane.BULK), return_exceptions=True
    )
    assert isinstance(good, np.ndarray)
    assert isinstance(bad, RuntimeError)


async def test_a_caller_who_gave_up_leaves_nothing_behind(lanes: Lanes, model: RecordingModel) -> None:
    caller = asyncio.create_task(lanes.embed(["b" * 90] * 500, Lane.BULK))
    while not model.batches:
        await asyncio.sleep(0.001)
    caller.cancel()
    await lanes.embed(["a"], Lane.BULK)
    assert len(model.batches) < 500


async def test_refusals(lanes: Lanes) -> None:
    with pytest.raises(Overloaded):
        await lanes.embed(["a"] * 11, Lane.QUERY)
    with pytest.raises(InputTooLong):
        await lanes.embed(["a" * 51], Lane.QUERY, truncate=False)
