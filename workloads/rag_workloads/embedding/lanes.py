"""Keeps the model busy: the texts of all callers meet here, in batches of like length; queries go first."""

import asyncio
from bisect import insort
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from rag_workloads import tracing
from rag_workloads.embedding import meters
from rag_workloads.embedding.calls import Call, Tokens, Vectors, Window, take_batch
from rag_workloads.embedding.engine import InferenceFailed, Lane, Overloaded
from rag_workloads.embedding.model import Model
from rag_workloads.web import metrics

# While both lanes wait, one inference in so many is the bulk lane's: no flood of queries stops documents.
BULK_SHARE = 4


class Lanes:
    """Embeds texts with as many inferences in flight as keep every stream of the model busy."""

    def __init__(self, model: Model, max_batch_tokens: int, patience_seconds: float) -> None:
        """`max_batch_tokens` counts padding; a call is given up if nothing of it has its turn for so long."""
        self._model, self._max_batch_tokens, self._patience = model, max_batch_tokens, patience_seconds
        # Each lane sorted by length.
        self._waiting: dict[Lane, list[Window]] = {lane: [] for lane in Lane}
        self._queries_before_bulk = 0
        self._turns = count()
        self._arrived = asyncio.Event()
        # One thread a lane: a question is not tokenized behind a document, and few long texts are at once.
        self._tokenizers = {lane: ThreadPoolExecutor(1, f"tokenize-{lane.name.lower()}") for lane in Lane}
        self._threads = ThreadPoolExecutor(model.parallel, "infer")
        self._feeders = [asyncio.create_task(self._feed()) for _ in range(model.parallel)]

    async def close(self) -> None:
        """Stop; callers that still wait get nothing."""
        for feeder in self._feeders:
            feeder.cancel()
        await asyncio.gather(*self._feeders, return_exceptions=True)
        for threads in (self._threads, *self._tokenizers.values()):
            threads.shutdown()

    async def embed(self, tokenize: Callable[[], list[Tokens]], lane: Lane) -> list[Vectors]:
        """Embed what `tokenize` gives, which is called in a thread and may raise.

        InferenceFailed, or Overloaded if given up.
        """
        loop = asyncio.get_running_loop()
        tokens = await loop.run_in_executor(self._tokenizers[lane], tokenize)
        tracing.note({"gen_ai.usage.input_tokens": sum(map(len, tokens))})
        try:
            async with asyncio.timeout(self._patience) as limit:
                return await self._infer(tokens, lane, lambda: limit.reschedule(loop.time() + self._patience))
        except TimeoutError as error:
            raise Overloaded(f"nothing of {len(tokens)} texts had its turn in {self._patience} s") from error

    async def _infer(self, tokens: list[Tokens], lane: Lane, progressed: Callable[[], None]) -> list[Vectors]:
        """Wait in the lane until every text has its vectors."""
        call = Call(len(tokens), progressed)
        waiting = self._waiting[lane]
        windows = [Window(text, call, row, next(self._turns)) for row, text in enumerate(tokens)]
        for window in windows:
            insort(waiting, window, key=len)
        meters.joined(lane, windows)
        self._arrived.set()
        try:
            await call.done
        finally:
            # A caller that gave up, or whose batch failed, leaves nothing behind.
            if call.left:
                meters.left(lane, [window for window in waiting if window.call is call])
                waiting[:] = [window for window in waiting if window.call is not call]
        return call.vectors

    async def _feed(self) -> None:
        """Take the next batch, infer, hand the vectors out, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            while not (batch := self._next_batch()):
                self._arrived.clear()
                await self._arrived.wait()
            try:
                tokens = [window.tokens for window in batch]
                with metrics.INFERENCE_SECONDS.time():
                    vectors = await loop.run_in_executor(self._threads, self._model.infer, tokens)
            except Exception as error:
                for call in {window.call for window in batch}:
                    call.fail(_failure(error))
            else:
                for window, found in zip(batch, vectors, strict=True):
                    window.call.receive(window.row, found)

    def _next_batch(self) -> list[Window]:
        lane = self._next_lane()
        if lane is None:
            return []
        batch = take_batch(self._waiting[lane], self._max_batch_tokens)
        meters.taken(lane, batch)
        return batch

    def _next_lane(self) -> Lane | None:
        """Whose turn it is: the queries', but for the bulk lane's share; None if nobody waits."""
        queries, bulk = self._waiting[Lane.QUERY], self._waiting[Lane.BULK]
        if queries and not (bulk and self._queries_before_bulk >= BULK_SHARE - 1):
            self._queries_before_bulk = self._queries_before_bulk + 1 if bulk else 0
            return Lane.QUERY
        self._queries_before_bulk = 0
        return Lane.BULK if bulk else None


def _failure(error: Exception) -> InferenceFailed:
    failure = InferenceFailed(str(error) or type(error).__name__)
    failure.__cause__ = error
    return failure
