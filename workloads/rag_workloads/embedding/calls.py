"""What waits in the lanes: callers, their texts, and the rule by which texts go into one inference."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# Of a text: its own vector, then those of its spans.
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as the model reads it, in arrays: many may wait, and a list of numbers is nine times as large.

    `spans` [spans, tokens] tells which tokens are in each span of the text whose vector is wanted too.
    """

    ids: NDArray[np.int32]
    spans: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


class Call:
    """One caller's texts, and their vectors as they come in."""

    def __init__(self, texts: int, progressed: Callable[[], None]) -> None:
        """`progressed` is called for every text but the last."""
        self.left = texts
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.vectors: list[Vectors] = [np.empty((0, 0), np.float32)] * texts
        self._progressed = progressed

    def receive(self, row: int, vectors: Vectors) -> None:
        """Take the vectors of one text; the last one ends the call."""
        if self.done.done():
            return
        self.vectors[row] = vectors
        self.left -= 1
        if self.left:
            self._progressed()
        else:
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """End the call with an error."""
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class Window:
    """One text that waits: its tokens, its place in the call, and its turn."""

    tokens: Tokens
    call: Call
    row: int
    turn: int
    since: float = field(default_factory=time.monotonic)

    def __len__(self) -> int:
        return len(self.tokens)


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
