"""Runs the parsing in a process that can be killed, within a document's time limit."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio.to_process
from anyio import BrokenWorkerProcess, CapacityLimiter

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning
from rag_workloads.worker.pages import Page

# Long enough that the start of a call costs nothing, short enough that progress moves and a stop is quick.
PAGES_A_CALL = 32
# Of a document's time, what one call may take: pages that hang leave enough to read the others.
CALL_SHARE = 0.1

T = TypeVar("T")


class TimeBudget:
    """Seconds of work that a document may take; time spent waiting for others is not counted."""

    def __init__(self, seconds: float) -> None:
        self.limit = self._left = seconds

    async def spend(self, work: Awaitable[T], page: int | None = None) -> T:
        """Await `work` and charge its time; DocumentError PARSE_TIMEOUT, at `page`, when none is left."""
        start = time.monotonic()
        try:
            async with asyncio.timeout(self._left) as scope:
                return await work
        except TimeoutError as error:
            if not scope.expired():
                raise
            message = f"Reading the document took longer than {self.limit:g} seconds."
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
            hint = "Print it to a new PDF and upload that; if it fails again, workers may need more memory."
            message = "The parser crashed on the file."
            raise DocumentError(ErrorCode.PARSE_CRASHED, message, hint=hint) from error

    async def read_pages(
        self, path: Path, content_type: str, pages: int, budget: TimeBudget
    ) -> AsyncIterator[list[Page]]:
        """All pages in order, some at a time. A page that kills or hangs the process costs no other."""
        for first in range(1, pages + 1, PAGES_A_CALL):
            last = min(pages, first + PAGES_A_CALL - 1)
            try:
                read = await self._read(path, content_type, first, last, budget)
            except Unread:  # one by one, to find out which page it is
                for page in range(first, last + 1):
                    yield [await self._read_alone(path, content_type, page, budget)]
            else:
                yield read

    async def _read_alone(self, path: Path, content_type: str, page: int, budget: TimeBudget) -> Page:
        try:
            return (await self._read(path, content_type, page, page, budget))[0]
        except Unread as error:
            return Page("", PageWarning(page=page, code=error.code, message=f"Page {page} {error}."))

    async def _read(
        self, path: Path, content_type: str, first: int, last: int, budget: TimeBudget
    ) -> list[Page]:
        work = self._run(partial(_read_pages, path, content_type, first, last))
        try:
            async with asyncio.timeout(budget.limit * CALL_SHARE) as scope:
                return await budget.spend(work, first)
        except BrokenWorkerProcess as error:
            raise Unread(ErrorCode.PARSE_CRASHED, "crashed the parser") from error
        except TimeoutError as error:
            if not scope.expired():
                raise
            message = f"was not read in {budget.limit * CALL_SHARE:g} seconds"
            raise Unread(ErrorCode.PARSE_TIMEOUT, message) from error

    async def _run(self, work: partial[T]) -> T:
        return await anyio.to_process.run_sync(work, cancellable=True, limiter=self._limiter)


class Unread(Exception):
    """Pages of which the process gave nothing, as it died or took too long."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


# Run in the parser's process, the only one that imports PyMuPDF.
def _count_pages(path: Path, content_type: str) -> int:
    from rag_workloads.worker import parsing  # noqa: PLC0415

    return parsing.count_pages(path, content_type)


def _read_pages(path: Path, content_type: str, first: int, last: int) -> list[Page]:
    from rag_workloads.worker import parsing  # noqa: PLC0415

    return parsing.read_pages(path, content_type, first, last)
