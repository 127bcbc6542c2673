"""An answer has a time limit as a whole, streams too: a pod that stops waits for it no longer."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from rag_workloads.web.problems import Problem

T = TypeVar("T")


class AnswerTimeout(Problem):
    """504: the answer was not complete in time."""

    def __init__(self, seconds: float) -> None:
        detail = f"The answer took longer than {seconds:g} seconds and was ended."
        super().__init__(504, "answer-timeout", "The answer took too long", detail)


class Deadline:
    """So many seconds from now on. What takes longer ends with AnswerTimeout."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._at = seconds, asyncio.get_running_loop().time() + seconds

    @contextlib.asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Bound a block."""
        timeout = asyncio.timeout_at(self._at)
        try:
            async with timeout:
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            raise AnswerTimeout(self._seconds) from None

    async def bound(self, pieces: AsyncGenerator[T]) -> AsyncGenerator[T]:
        """Bound a stream. The time that its reader takes counts too, and a piece is never cut short by it."""
        async with contextlib.aclosing(pieces):
            while True:
                async with self.limit():
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece
