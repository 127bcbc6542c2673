"""A process that reads a document, and that may hang, crash or grow without harm to others.

It is forked from a server that has imported PyMuPDF, so that it starts within milliseconds. It reads some
pages of one document and ends: what PyMuPDF keeps, be it memory or state, passes on to no other.
"""

import asyncio
import contextlib
import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from rag_workloads.worker.pages import Page, Pages, Pictures

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["rag_workloads.worker.parsing"])

STATM = Path("/proc/self/statm")

# Opens a document, in the process: made of a function of a module, and of what can be sent.
OpenPages = Callable[[], Pages]


class Crashed(Exception):
    """The process ended before it had read all; says so of what it read."""


class Reader:
    """Reads pages of a document, one when it is asked for it, until it is closed.

    Its process may take `memory_bytes` beside those that it begins with: most of them are the server's.
    """

    def __init__(self, open_pages: OpenPages, memory_bytes: int) -> None:
        self._memory = memory_bytes
        self._pages, self._theirs = FORKS.Pipe()
        args = self._theirs, open_pages, memory_bytes
        self._process = FORKS.Process(target=_read, args=args, daemon=True)

    async def open(self) -> int:
        """Start the process, and return how many pages the document has; DocumentError if unreadable."""
        await asyncio.to_thread(self._start)  # the first one waits for the server
        return int(await asyncio.to_thread(self._told))

    async def read(self, number: int, recognize: bool = False) -> Page:
        """Return a page, by its number from 1; to `recognize` is to read what is drawn on it."""
        page: Page = await asyncio.to_thread(self._told, (number, recognize))
        return page

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process.is_alive():
            self._process.kill()

    def _start(self) -> None:
        self._process.start()
        self._theirs.close()  # so that the end of the process ends the pages

    def _told(self, asked: tuple[int, bool] | None = None) -> Any:
        """What the process says, to what it is asked if it is asked anything."""
        try:
            if asked is not None:
                self._pages.send(asked)
            told = self._pages.recv()
        except (EOFError, OSError) as error:
            raise Crashed("crashed the parser") from error
        if isinstance(told, MemoryError):
            raise Crashed(f"needs more than {self._memory >> 20} MiB of memory") from told
        if isinstance(told, Exception):
            raise told
        return told


def _read(worker: Connection, open_pages: OpenPages, memory_bytes: int) -> None:
    """Sends how many pages there are, and then each that is asked for, or the error that ended it."""
    _bound_memory(memory_bytes)
    with contextlib.suppress(OSError):  # nobody listens any more
        try:
            pages = open_pages()
            worker.send(len(pages))
            while True:
                number, recognize = worker.recv()
                worker.send(cast(Pictures, pages).recognize(number - 1) if recognize else pages[number - 1])
        except Exception as error:
            worker.send(error)


def _bound_memory(more_bytes: int) -> None:
    """Bound the memory that this process may write to: a file that needs more must not take the pod along."""
    data_pages = int(STATM.read_text().split()[5])
    most = data_pages * resource.getpagesize() + more_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
