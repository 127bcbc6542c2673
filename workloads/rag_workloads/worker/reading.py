"""A process that reads a document, and that may hang, crash or grow without harm to others.

It is forked from a server that has imported PyMuPDF, so that it starts within milliseconds. It reads a part
of one document and ends: what PyMuPDF keeps, be it memory or state, passes on to no other.
"""

import asyncio
import contextlib
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from rag_workloads.worker.pages import Page, Pages

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["rag_workloads.worker.parsing"])

# Opens a document, in the process: made of a function of a module, and of what can be sent.
OpenPages = Callable[[], Pages]


class Crashed(Exception):
    """The process died before it had read all."""


class Reader:
    """Reads the pages `first` to `last` (from 1, both included); a context, at whose end the process is."""

    def __init__(self, open_pages: OpenPages, first: int = 1, last: int = 0) -> None:
        self.first, self.last = first, last
        self._pages, self._sender = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=_read, args=(self._sender, open_pages, first, last), daemon=True)

    async def __aenter__(self) -> "Reader":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.is_alive():
            self._process.kill()

    async def open(self) -> int:
        """Start the process, and return how many pages the document has; DocumentError if unreadable."""
        await asyncio.to_thread(self._start)  # the first one waits for the server
        return int(await asyncio.to_thread(self._receive))

    async def take(self, most: int) -> list[Page]:
        """Return the next pages: the first as soon as it is read, and those that are ready by then."""
        return await asyncio.to_thread(self._take, most)

    def _start(self) -> None:
        self._process.start()
        self._sender.close()  # so that the end of the process ends the pages

    def _take(self, most: int) -> list[Page]:
        pages: list[Page] = [self._receive()]
        while len(pages) < most and self._pages.poll():
            try:
                pages.append(self._receive())
            except Crashed:  # told again to whoever asks for the next
                break
        return pages

    def _receive(self) -> Any:
        try:
            received = self._pages.recv()
        except (EOFError, OSError) as error:
            raise Crashed from error
        if isinstance(received, Exception):
            raise received
        return received


def _read(results: Connection, open_pages: OpenPages, first: int, last: int) -> None:
    """Sends how many pages there are, and then each, or the error that ended it."""
    try:
        pages = open_pages()
        results.send(len(pages))
        for number in range(first, last + 1):
            results.send(pages[number - 1])
    except Exception as error:
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more
            results.send(error)
