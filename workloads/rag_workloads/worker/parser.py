"""Reads documents within their time limits, whatever their pages do to the process that reads them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning
from rag_workloads.worker.pages import Page, Pages
from rag_workloads.worker.reading import Crashed, Reader

# What is handed on at once at most, so that progress moves and a stop is quick.
PAGES_AT_ONCE = 32
# PyMuPDF leaks some 8 KiB a page, and opening a long document takes half a second.
PAGES_A_PROCESS = 500
# A page that hangs, twice, leaves enough of the document's time to read the others, and a slow one is no
# hanging one.
PAGE_SHARE, SLOW_PAGE_SECONDS = 0.1, 10
# A process may be killed for the memory that others take, and is late once we have stood still ourselves.
TRIES = 2

T = TypeVar("T")


class TimeBudget:
    """Seconds of work that a document may take; time spent waiting for others is not counted."""

    def __init__(self, seconds: float) -> None:
        self.limit = self._left = seconds

    @property
    def page_seconds(self) -> float:
        """What one page may take of it."""
        return max(self.limit * PAGE_SHARE, min(SLOW_PAGE_SECONDS, self.limit / 4))

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


def _open_pages(path: Path, content_type: str) -> Pages:
    from rag_workloads.worker import parsing  # noqa: PLC0415 - only the reading processes import PyMuPDF

    return parsing.open_pages(path, content_type)


class Parser:
    """Reads documents, each in processes of its own."""

    def __init__(self, open_pages: Callable[[Path, str], Pages] = _open_pages) -> None:
        self._open_pages = open_pages

    async def count_pages(self, path: Path, content_type: str, budget: TimeBudget) -> int:
        """How many pages there are; form feeds part those of a text. DocumentError if it is unreadable."""
        for _ in range(TRIES):
            with contextlib.suppress(Crashed):
                async with self._reader(path, content_type) as reader:
                    return await budget.spend(reader.open())
        hint = "Print it to a new PDF and upload that; if it fails again, workers may need more memory."
        raise DocumentError(ErrorCode.PARSE_CRASHED, "The parser crashed on the file.", hint=hint)

    async def read_pages(
        self, path: Path, content_type: str, pages: int, budget: TimeBudget, first: int = 1
    ) -> AsyncGenerator[list[Page]]:
        """Pages from `first` on, some at a time. A page that kills or hangs the process costs no other.

        It is lost once it has done so in all its `TRIES`, each in a process of its own.
        """
        page, tries = first, 0
        while page <= pages:
            last = min(pages, page + PAGES_A_PROCESS - 1)
            try:
                async with self._reader(path, content_type, page, last) as reader:
                    await budget.spend(reader.open(), page)
                    while page <= last:
                        read = await _take(reader, page, budget)
                        page, tries = page + len(read), 0
                        yield read
            except (Crashed, Hung) as error:
                tries += 1
                if tries == TRIES:
                    yield [_lost(page, error)]
                    page, tries = page + 1, 0

    def _reader(self, path: Path, content_type: str, first: int = 1, last: int = 0) -> Reader:
        return Reader(partial(self._open_pages, path, content_type), first, last)


async def _take(reader: Reader, page: int, budget: TimeBudget) -> list[Page]:
    try:
        async with asyncio.timeout(budget.page_seconds) as scope:
            return await budget.spend(reader.take(PAGES_AT_ONCE), page)
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise Hung(f"was not read in {budget.page_seconds:g} seconds") from error


def _lost(page: int, error: "Crashed | Hung") -> Page:
    if isinstance(error, Hung):
        code, reason = ErrorCode.PARSE_TIMEOUT, str(error)
    else:
        code, reason = ErrorCode.PARSE_CRASHED, "crashed the parser"
    return Page("", PageWarning(page=page, code=code, message=f"Page {page} {reason}."))


class Hung(Exception):
    """A page took longer than one page may; says so of it."""
