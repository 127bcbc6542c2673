"""Reads documents within their limits, whatever their pages do to the process that reads them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning
from rag_workloads.worker.pages import Page, Pages
from rag_workloads.worker.reading import Crashed, Reader

# PyMuPDF leaks some 8 KiB a page, and opening a long document takes half a second.
PAGES_A_PROCESS = 500
# A page that hangs, twice, leaves enough of the document's time to read the others, and a slow one is no
# hanging one.
PAGE_SHARE, SLOW_PAGE_SECONDS = 0.1, 10
# Recognising a scan takes some seconds of a core, which are the page's own and not the document's: only what
# hangs takes so long.
OCR_SECONDS = 120
# A process may be killed for the memory that others take, and is late once we have stood still ourselves.
TRIES = 2

T = TypeVar("T")
# Opens a file of a content type, to read each page alone or not.
OpenFile = Callable[[Path, str, bool], Pages]


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


def _open_pages(path: Path, content_type: str, alone: bool) -> Pages:
    from rag_workloads.worker import parsing  # noqa: PLC0415 - only the reading processes import PyMuPDF

    return parsing.open_pages(path, content_type, alone)


class Hung(Exception):
    """A page took longer than one page may; says so of it."""


class Reading:
    """A document that is being read, in one process after another.

    A page that kills or hangs its process costs no other: it is lost once it has done so in all its `TRIES`.
    It may do so while others are read, which are told by it what runs along their tops: after the first time,
    each is read alone.
    """

    def __init__(self, reader: Callable[[bool], Reader], budget: TimeBudget, ocr: bool) -> None:
        """`reader` makes one that reads pages alone, or not; by `ocr`, scans are read too."""
        self._new_reader, self._budget, self._alone, self._ocr = reader, budget, False, ocr
        self._reader: Reader | None = None
        self._pages_read = 0
        self.pages = 0

    async def open(self) -> None:
        """Open the file and count its `pages`; DocumentError if it is unreadable."""
        failure: Crashed | Hung = Crashed()
        for _ in range(TRIES):
            try:
                await self._open()
            except (Crashed, Hung) as error:
                failure, self._alone = error, True
            else:
                return
        hint = "Print it to a new PDF and upload that; if it fails again, workers may need more memory."
        raise DocumentError(ErrorCode.PARSE_CRASHED, f"The file {failure}.", hint=hint)

    async def read(self, number: int) -> Page:
        """Read a page, by its number from 1."""
        page = await self._try(self._read, number)
        if not page.drawn or not self._ocr:
            return page
        recognized = await self._try(self._recognize, number)
        return recognized if recognized.blocks or not page.blocks else page

    def close(self) -> None:
        """End the process that reads."""
        if self._reader:
            self._reader.close()
        self._reader, self._pages_read = None, 0

    async def _try(self, read: Callable[[int], Awaitable[Page]], number: int) -> Page:
        failure: Crashed | Hung = Crashed()
        for _ in range(TRIES):
            try:
                return await read(number)
            except (Crashed, Hung) as error:
                self.close()
                failure, self._alone = error, True
        return _lost(number, failure)

    async def _open(self, page: int | None = None) -> Reader:
        self.close()
        reader = self._reader = self._new_reader(self._alone)
        opening = reader.open()
        self.pages = await (
            self._budget.spend(opening, page) if self._alone else self._in_time(opening, page)
        )
        return reader

    async def _read(self, number: int) -> Page:
        reader = self._reader
        if reader is None or self._pages_read == PAGES_A_PROCESS:
            reader = await self._open(number)
        self._pages_read += 1
        return await self._in_time(reader.read(number), number)

    async def _recognize(self, number: int) -> Page:
        reader = self._reader or await self._open(number)
        try:
            async with asyncio.timeout(OCR_SECONDS):
                return await reader.read(number, recognize=True)
        except TimeoutError as error:
            raise Hung(f"was not recognised in {OCR_SECONDS} seconds") from error

    async def _in_time(self, work: Awaitable[T], page: int | None) -> T:
        """Await what takes no longer than one page may; Hung if it does."""
        try:
            async with asyncio.timeout(self._budget.page_seconds) as scope:
                return await self._budget.spend(work, page)
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise Hung(f"was not read in {self._budget.page_seconds:g} seconds") from error


def _lost(page: int, error: Crashed | Hung) -> Page:
    code = ErrorCode.PARSE_TIMEOUT if isinstance(error, Hung) else ErrorCode.PARSE_CRASHED
    return Page(warning=PageWarning(page=page, code=code, message=f"Page {page} {error}."))


class Parser:
    """Opens documents to read; each of the processes that do may take `memory_bytes`."""

    def __init__(self, memory_bytes: int, open_pages: OpenFile = _open_pages, *, ocr: bool = False) -> None:
        """By `ocr`, pages that are pictures of text are read too."""
        self._memory, self._open_pages, self._ocr = memory_bytes, open_pages, ocr

    @contextlib.asynccontextmanager
    async def open(self, path: Path, content_type: str, budget: TimeBudget) -> AsyncIterator[Reading]:
        """Open a file while the body runs; form feeds part the pages of a text."""

        def reader(alone: bool) -> Reader:
            return Reader(partial(self._open_pages, path, content_type, alone), self._memory)

        reading = Reading(reader, budget, self._ocr)
        with contextlib.closing(reading):
            await reading.open()
            yield reading
