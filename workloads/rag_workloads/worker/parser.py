"""Runs the parsing in a process that can be killed, within a document's time limit."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio.to_process
from anyio import BrokenWorkerProcess, CapacityLimiter

from rag_workloads.library.documents import DocumentError, ErrorCode

# Long enough that the start of a call costs nothing, short enough that progress moves and a stop is quick.
PAGES_A_CALL = 32

T = TypeVar("T")


class TimeBudget:
    """Seconds of work that a document may take; time spent waiting for others is not counted."""

    def __init__(self, seconds: float) -> None:
        self._limit = self._left = seconds

    async def spend(self, work: Awaitable[T], page: int | None = None) -> T:
        """Await `work` and charge its time; DocumentError PARSE_TIMEOUT, at `page`, when none is left."""
        start = time.monotonic()
        try:
            async with asyncio.timeout(self._left) as scope:
                return await work
        except TimeoutError as error:
            if not scope.expired():
                raise
            message = f"Reading the document took longer than {self._limit:g} seconds."
            hint = "Split the document, or raise spec.ingestion.timeLimitSeconds."
            raise DocumentError(ErrorCode.PARSE_TIMEOUT, message, page, hint) from error
        finally:
            self._left -= time.monotonic() - start


class Parser:
    """Reads documents in up to `processes` processes, which are kept and reused."""

    def __init__(self, processes: int) -> None:
        self._limiter = CapacityLimiter(processes)

    async def count_pages(self, path: Path, content_type: str, budget: TimeBudget) -> int:
        """As `parsing.count_pages`."""
        try:
            return await budget.spend(self._run(partial(_count_pages, path, content_type)))
        except BrokenWorkerProcess as error:
            raise _crashed(None) from error

    async def read_pages(
        self, path: Path, content_type: str, pages: int, budget: TimeBudget
    ) -> AsyncIterator[list[str]]:
        """The texts of all pages in order, some at a time."""
        for first in range(1, pages + 1, PAGES_A_CALL):
            last = min(pages, first + PAGES_A_CALL - 1)
            yield await self._read(path, content_type, first, last, budget)

    async def _read(
        self, path: Path, content_type: str, first: int, last: int, budget: TimeBudget
    ) -> list[str]:
        """The texts of some pages. If the process dies, halve them until the page that kills it is known."""
        try:
            work = self._run(partial(_read_pages, path, content_type, first, last))
            return await budget.spend(work, first)
        except BrokenWorkerProcess as error:
            if first == last:
                raise _crashed(first) from error
        middle = (first + last) // 2
        return [
            *await self._read(path, content_type, first, middle, budget),
            *await self._read(path, content_type, middle + 1, last, budget),
        ]

    async def _run(self, work: partial[T]) -> T:
        return await anyio.to_process.run_sync(work, cancellable=True, limiter=self._limiter)


def _crashed(page: int | None) -> DocumentError:
    where = f"page {page}" if page else "the file"
    hint = "Print the file to a new PDF and upload that; if it fails again, the worker may need more memory."
    return DocumentError(ErrorCode.PARSE_CRASHED, f"The parser crashed on {where}.", page, hint)


# Run in the parser's process, the only one that imports PyMuPDF.
def _count_pages(path: Path, content_type: str) -> int:
    from rag_workloads.worker import parsing  # noqa: PLC0415

    return parsing.count_pages(path, content_type)


def _read_pages(path: Path, content_type: str, first: int, last: int) -> list[str]:
    from rag_workloads.worker import parsing  # noqa: PLC0415

    return parsing.read_pages(path, content_type, first, last)
