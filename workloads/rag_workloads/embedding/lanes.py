"""Keeps the model busy: the texts of all callers meet here, in batches of like length; queries go first."""

import asyncio
from bisect import insort
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from rag_workloads.embedding.engine import Direction, Lane, Overloaded
from rag_workloads.embedding.model import Model


class Call:
    """One caller's texts, and their vectors as they come in."""

    def __init__(self, texts: int, dimension: int) -> None:
        self.vectors = np.empty((texts, dimension), np.float32)
        self.left = texts
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def receive(self, row: int, vector: NDArray[np.float32]) -> None:
        """Take one text's vector; the last one ends the call."""
        self.vectors[row] = vector
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """End the call with an error."""
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class Window:
    """One text that waits: its tokens, its place in the call, and its turn."""

    tokens: list[int]
    call: Call
    row: int
    turn: int

    def __len__(self) -> int:
        return len(self.tokens)


class Lanes:
    """Embeds texts with as many batches in flight as keep every stream of the model busy."""

    def __init__(self, model: Model, max_batch_tokens: int, max_waiting: int) -> None:
        """`max_batch_tokens` counts padding; more than `max_waiting` texts in the query lane are refused."""
        self._model, self._max_batch_tokens, self._max_waiting = model, max_batch_tokens, max_waiting
        # Each lane sorted by length.
        self._waiting: dict[Lane, list[Window]] = {lane: [] for lane in Lane}
        self._turns = count()
        self._arrived = asyncio.Event()
        self._threads = ThreadPoolExecutor(model.parallel, "infer")
        self._feeders = [asyncio.create_task(self._feed()) for _ in range(model.parallel)]

    async def close(self) -> None:
        """Stop; callers that still wait get nothing."""
        for feeder in self._feeders:
            feeder.cancel()
        await asyncio.gather(*self._feeders, return_exceptions=True)
        self._threads.shutdown()

    async def embed(
        self, texts: list[str], lane: Lane, truncate: bool = True, direction: Direction = "right"
    ) -> NDArray[np.float32]:
        """Unit vectors [texts, dimension]. Overloaded or InputTooLong if they are not taken."""
        if lane is Lane.QUERY and len(self._waiting[lane]) + len(texts) > self._max_waiting:
            raise Overloaded(f"{len(self._waiting[lane])} texts wait already")
        tokens = await asyncio.to_thread(self._model.tokenize, texts, truncate, direction)
        call = Call(len(texts), self._model.dimension)
        waiting = self._waiting[lane]
        for row, ids in enumerate(tokens):
            insort(waiting, Window(ids, call, row, next(self._turns)), key=len)
        self._arrived.set()
        try:
            await call.done
        finally:
            # A caller that gave up, or whose batch failed, leaves nothing behind.
            if call.left:
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
                vectors = await loop.run_in_executor(self._threads, self._model.infer, tokens)
            except Exception as error:
                for call in {window.call for window in batch}:
                    call.fail(error)
            else:
                for window, vector in zip(batch, vectors, strict=True):
                    window.call.receive(window.row, vector)

    def _next_batch(self) -> list[Window]:
        lane = next((lane for lane in Lane if self._waiting[lane]), None)
        return [] if lane is None else take_batch(self._waiting[lane], self._max_batch_tokens)


def take_batch(waiting: list[Window], max_tokens: int) -> list[Window]:
    """Take from `waiting`, sorted by length, the window whose turn it is and those nearest to it in length.

    The batch has at most `max_tokens` tokens with padding, or is a single window. Whoever waits longest is
    always in it, so that no length starves.
    """
    low = min(range(len(waiting)), key=lambda at: waiting[at].turn)
    high = low + 1
    while True:
        size, longest = high - low + 1, len(waiting[high - 1])
        # What each neighbour would cost in padding; None if there is none, or no room for it.
        above = below = None
        if high < len(waiting) and size * len(waiting[high]) <= max_tokens:
            above = (len(waiting[high]) - longest) * (size - 1)
        if low > 0 and size * longest <= max_tokens:
            below = longest - len(waiting[low - 1])
        if above is not None and (below is None or above <= below):
            high += 1
        elif below is not None:
            low -= 1
        else:
            break
    batch = waiting[low:high]
    del waiting[low:high]
    return batch
