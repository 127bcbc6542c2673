import asyncio
import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest
from prometheus_client import REGISTRY

from rag_workloads.embedding.calls import Call, Tokens, Vectors, Window, take_batch
from rag_workloads.embedding.engine import InferenceFailed, InputTooLong, Lane, Overloaded
from rag_workloads.embedding.lanes import BULK_SHARE, Lanes

QUERY, BULK = "q" * 40, "b" * 90


class RecordingModel:
    """Embeds a text as its own length, keeps what it was asked, and waits while `released` is not set."""

    parallel = 1

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.released = threading.Event()
        self.released.set()

    def infer(self, batch: list[Tokens]) -> list[Vectors]:
        self.batches.append([len(text) for text in batch])
        self.released.wait()
        if any(len(text) == 13 for text in batch):
            raise RuntimeError("unlucky")
        return [np.full((1 + len(text.spans), 1), len(text), np.float32) for text in batch]


def tokens(length: int, spans: int = 0) -> Tokens:
    return Tokens(np.zeros(length, np.int32), np.zeros((spans, length), np.bool_))


async def embed(lanes: Lanes, texts: list[str], lane: Lane) -> list[Vectors]:
    """Embed texts that have a token for each character."""
    return await lanes.embed(lambda: [tokens(len(text)) for text in texts], lane)


@pytest.fixture
def model() -> RecordingModel:
    return RecordingModel()


@pytest.fixture
async def lanes(model: RecordingModel) -> AsyncIterator[Lanes]:
    lanes = Lanes(model, max_batch_tokens=100, patience_seconds=600)  # type: ignore[arg-type]
    yield lanes
    model.released.set()
    await lanes.close()


async def begin(
    lanes: Lanes, model: RecordingModel, *calls: tuple[list[str], Lane]
) -> list[asyncio.Task[list[Vectors]]]:
    """Let these calls wait behind an inference that lasts until the model is released."""
    model.released.clear()
    first = asyncio.create_task(embed(lanes, ["first"], Lane.QUERY))
    while not model.batches:
        await asyncio.sleep(0)
    running = [first, *(asyncio.create_task(embed(lanes, texts, lane)) for texts, lane in calls)]
    expected = {lane: sum(len(texts) for texts, of in calls if of is lane) for lane in Lane}
    while {lane: len(waiting) for lane, waiting in lanes._waiting.items()} != expected:
        await asyncio.sleep(0)
    return running


async def windows(lengths: list[int]) -> list[Window]:
    call = Call(len(lengths), lambda: None)
    found = [Window(tokens(length), call, row, row) for row, length in enumerate(lengths)]
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
    calls = await asyncio.gather(embed(lanes, texts, Lane.BULK), embed(lanes, texts[::-1], Lane.QUERY))
    assert [vectors.tolist() for vectors in calls[0]] == [[[40]], [[3]], [[17]], [[3]], [[60]]]
    assert [vectors.tolist() for vectors in calls[1]] == [[[60]], [[3]], [[17]], [[3]], [[40]]]


async def test_a_text_has_its_own_vector_and_those_of_its_spans(lanes: Lanes) -> None:
    found = await lanes.embed(lambda: [tokens(3, spans=2), tokens(4), tokens(5, spans=1)], Lane.BULK)
    assert [vectors.ravel().tolist() for vectors in found] == [[3, 3, 3], [4], [5, 5]]


async def test_queries_go_first(lanes: Lanes, model: RecordingModel) -> None:
    running = await begin(lanes, model, ([BULK] * 3, Lane.BULK), (["q"], Lane.QUERY))
    model.released.set()
    await asyncio.gather(*running)
    assert model.batches[1:] == [[1], [90], [90], [90]]


async def test_a_flood_of_queries_leaves_bulk_its_share(lanes: Lanes, model: RecordingModel) -> None:
    running = await begin(lanes, model, ([BULK] * 3, Lane.BULK), ([QUERY] * 20, Lane.QUERY))
    model.released.set()
    await asyncio.gather(*running)
    share = [[40, 40]] * (BULK_SHARE - 1) + [[90]]
    assert model.batches[1:] == [*share * 3, [40, 40]]


async def test_the_share_is_counted_only_while_bulk_waits(lanes: Lanes, model: RecordingModel) -> None:
    for _ in range(BULK_SHARE):
        await embed(lanes, [QUERY], Lane.QUERY)
    model.batches.clear()
    running = await begin(lanes, model, ([BULK], Lane.BULK), ([QUERY] * 2, Lane.QUERY))
    model.released.set()
    await asyncio.gather(*running)
    assert model.batches[1:] == [[40, 40], [90]]


async def test_a_failed_batch_fails_its_callers_only(lanes: Lanes) -> None:
    good, bad = await asyncio.gather(
        embed(lanes, [BULK], Lane.QUERY), embed(lanes, ["b" * 13], Lane.BULK), return_exceptions=True
    )
    assert isinstance(good, list)
    assert isinstance(bad, InferenceFailed)
    assert isinstance(bad.__cause__, RuntimeError)


async def test_a_caller_who_gave_up_leaves_nothing_behind(lanes: Lanes, model: RecordingModel) -> None:
    first, caller = await begin(lanes, model, ([BULK] * 500, Lane.BULK))
    caller.cancel()
    await asyncio.wait([caller])
    model.released.set()
    await asyncio.gather(first, embed(lanes, ["a"], Lane.BULK))
    assert model.batches == [[5], [1]]


async def test_a_call_that_has_no_turn_for_long_is_told_so(model: RecordingModel) -> None:
    lanes = Lanes(model, max_batch_tokens=100, patience_seconds=0.01)  # type: ignore[arg-type]
    model.released.clear()
    with pytest.raises(Overloaded, match="nothing of 2 texts had its turn"):
        await embed(lanes, [BULK] * 2, Lane.BULK)
    model.released.set()
    await lanes.close()


async def test_every_vector_but_the_last_is_progress() -> None:
    progress: list[int] = []
    call = Call(3, lambda: progress.append(call.left))
    for row in range(3):
        call.receive(row, np.ones((1, 1), np.float32))
    assert progress == [2, 1]
    assert call.done.done()


async def test_a_text_that_is_too_long_is_refused(lanes: Lanes) -> None:
    def tokenize() -> list[Tokens]:
        raise InputTooLong("too long")

    with pytest.raises(InputTooLong):
        await lanes.embed(tokenize, Lane.QUERY)


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


async def test_what_waits_and_what_an_inference_is_made_of_is_measured(
    lanes: Lanes, model: RecordingModel
) -> None:
    tokens_before = {
        kind: sample("embedding_inference_tokens_total", kind=kind) for kind in ("text", "padding")
    }
    calls = await begin(lanes, model, (["b" * 10, "c" * 40], Lane.BULK))
    assert sample("embedding_lane_texts", lane="bulk") == 2
    assert sample("embedding_lane_tokens", lane="bulk") == 50
    assert sample("embedding_lane_texts", lane="query") == 0, "the first one is in the model"
    model.released.set()
    await asyncio.gather(*calls)
    assert sample("embedding_lane_texts", lane="bulk") == 0
    assert sample("embedding_lane_tokens", lane="bulk") == 0
    grown = {
        kind: sample("embedding_inference_tokens_total", kind=kind) - tokens_before[kind]
        for kind in tokens_before
    }
    assert grown == {"text": len("first") + 50, "padding": 30}


async def test_a_caller_that_gives_up_waits_no_more(lanes: Lanes, model: RecordingModel) -> None:
    first, second = await begin(lanes, model, (["b" * 10], Lane.BULK))
    assert sample("embedding_lane_texts", lane="bulk") == 1
    second.cancel()
    await asyncio.wait([second])
    assert sample("embedding_lane_texts", lane="bulk") == 0
    model.released.set()
    await first
