"""Reading in processes of their own: real ones, but for what depends on time."""

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest
from tests.nested_pdf import TEXT, nested_pdf
from tests.patience import eventually

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker import parser as parser_module
from rag_workloads.worker.pages import Page, Pages, paragraphs
from rag_workloads.worker.parser import PAGES_A_PROCESS, OpenFile, Parser, TimeBudget
from rag_workloads.worker.reading import Crashed, Reader

FILE, KIND = Path("a.pdf"), "application/pdf"
# More than a test takes on any machine.
SECONDS = 3600
MEMORY = 64 << 20


class Document:
    """Pages that name the process which reads them.

    Page `deadly` kills it, and so do those that look at it from so many pages away; page `large` needs more
    memory than it may have, page `endless` never ends.
    """

    def __init__(self, pages: int, deadly: int = 0, large: int = 0, endless: int = 0, looks: int = 0) -> None:
        self._pages, self._deadly, self._large, self._endless = pages, deadly, large, endless
        self._looks = looks

    def __len__(self) -> int:
        return self._pages

    def __getitem__(self, index: int) -> Page:
        if abs(index + 1 - self._deadly) <= self._looks:
            os.kill(os.getpid(), signal.SIGKILL)
        if index + 1 == self._large:
            bytearray(2 * MEMORY)
        while index + 1 == self._endless:
            signal.pause()
        return Page(paragraphs(f"{index + 1} {os.getpid()}"))


def open_document(pages: int, deadly: int, large: int, path: Path, content_type: str, alone: bool) -> Pages:
    return Document(pages, deadly, large)


def look_around(pages: int, deadly: int, path: Path, content_type: str, alone: bool) -> Pages:
    return Document(pages, deadly, looks=0 if alone else 2)


def sample(pages: int, deadly: int, path: Path, content_type: str, alone: bool) -> Pages:
    return Document(pages, deadly) if alone else die(path, content_type, alone)


def open_unlucky(mark: Path, path: Path, content_type: str, alone: bool) -> Pages:
    """A document whose page 40 kills the first process that opens it."""
    deadly = 0 if mark.exists() else 40
    mark.touch()
    return Document(70, deadly)


def die_once(mark: Path, path: Path, content_type: str, alone: bool) -> Pages:
    if not mark.exists():
        mark.touch()
        die(path, content_type, alone)
    return Document(70)


def refuse(error: Exception, path: Path, content_type: str, alone: bool) -> Pages:
    raise error


def die(path: Path, content_type: str, alone: bool) -> Pages:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


async def read(open_pages: OpenFile) -> list[Page]:
    async with Parser(MEMORY, open_pages).open(FILE, KIND, TimeBudget(SECONDS)) as reading:
        return [await reading.read(number) for number in range(1, reading.pages + 1)]


async def test_pages_come_in_order_from_processes_that_are_replaced() -> None:
    count = 2 * PAGES_A_PROCESS + 3
    words = [page.text.split() for page in await read(partial(open_document, count, 0, 0))]
    assert [int(number) for number, _ in words] == list(range(1, count + 1))
    lengths = [len(list(pages)) for _, pages in groupby(process for _, process in words)]
    assert lengths == [PAGES_A_PROCESS, PAGES_A_PROCESS, 3]


def lost(pages: list[Page]) -> list[tuple[int, ErrorCode]]:
    """The pages with a warning, once all others are known to be there."""
    assert [page.text.split()[0] for page in pages if not page.warning] == [
        str(number) for number, page in enumerate(pages, 1) if not page.warning
    ]
    return [(page.warning.page, page.warning.code) for page in pages if page.warning]


@pytest.mark.parametrize("deadly", [1, 2, 40, 70])
async def test_a_page_that_kills_the_process_costs_no_other(deadly: int) -> None:
    pages = await read(partial(open_document, 70, deadly, 0))
    assert len(pages) == 70
    assert lost(pages) == [(deadly, ErrorCode.PARSE_CRASHED)]


@pytest.mark.parametrize("open_pages", [look_around, sample])
async def test_a_page_that_kills_the_process_costs_none_of_those_that_look_at_it(
    open_pages: Callable[..., Pages],
) -> None:
    pages = await read(partial(open_pages, 20, 9))
    assert len(pages) == 20
    assert lost(pages) == [(9, ErrorCode.PARSE_CRASHED)]


async def test_a_process_that_is_killed_for_anothers_memory_costs_nothing(tmp_path: Path) -> None:
    for open_pages in (open_unlucky, die_once):
        pages = await read(partial(open_pages, tmp_path / open_pages.__name__))
        assert len(pages) == 70
        assert lost(pages) == []


async def test_a_page_that_needs_more_memory_than_it_may_have_costs_no_other() -> None:
    pages = await read(partial(open_document, 5, 0, 3))
    assert lost(pages) == [(3, ErrorCode.PARSE_CRASHED)]
    assert pages[2].warning
    assert pages[2].warning.message == "Page 3 needs more than 64 MiB of memory."


async def test_a_page_that_has_no_end_costs_no_more_than_its_memory(tmp_path: Path) -> None:
    file = tmp_path / "nested.pdf"
    file.write_bytes(nested_pdf(TEXT))
    async with Parser(MEMORY).open(file, KIND, TimeBudget(SECONDS)) as reading:
        first, second, third = [await reading.read(number) for number in range(1, reading.pages + 1)]
    assert (first.text, third.text) == ("First page.", "Third page.")
    assert second.warning
    assert second.warning.message == "Page 2 needs more than 64 MiB of memory."


class EndlessReader:
    """Stands in for a process that hangs on page 40, `hangs` times, and gives every other page at once."""

    def __init__(self, hangs: list[int], *_: object) -> None:
        self._hangs = hangs

    async def open(self) -> int:
        return 70

    async def read(self, number: int) -> Page:
        if number == 40 and self._hangs:
            self._hangs.pop()
            await asyncio.Event().wait()
        return Page(paragraphs(str(number)))

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("hangs", "costs"), [([1], []), ([1, 2], [(40, ErrorCode.PARSE_TIMEOUT)])], ids=["once", "twice"]
)
async def test_a_page_that_hangs_costs_no_other(
    monkeypatch: pytest.MonkeyPatch, hangs: list[int], costs: list[tuple[int, ErrorCode]]
) -> None:
    monkeypatch.setattr(parser_module, "Reader", partial(EndlessReader, hangs))
    monkeypatch.setattr(TimeBudget, "page_seconds", 0)  # what does not wait is in time
    pages = await read(die)
    assert len(pages) == 70
    assert lost(pages) == costs


@pytest.mark.parametrize(("limit", "page"), [(10, 2.5), (20, 5), (60, 10), (300, 30), (7200, 720)])
def test_a_slow_page_is_no_hanging_one(limit: int, page: float) -> None:
    assert TimeBudget(limit).page_seconds == page


async def test_a_file_that_kills_the_process_is_refused() -> None:
    with pytest.raises(DocumentError) as caught:
        await read(die)
    assert caught.value.code is ErrorCode.PARSE_CRASHED
    assert str(caught.value) == "The file crashed the parser."


@pytest.mark.parametrize(
    "error", [DocumentError(ErrorCode.PDF_ENCRYPTED, "No.", 3, "Do."), ValueError("a fault of ours")]
)
async def test_an_error_comes_through(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        await read(partial(refuse, error))
    assert vars(caught.value) == vars(error)
    assert str(caught.value) == str(error)


async def test_a_process_that_hangs_ends_when_it_is_closed() -> None:
    reader = Reader(partial(Document, 2, endless=2), MEMORY)
    assert await reader.open() == 2
    first = await reader.read(1)
    process = Path("/proc", first.text.split()[1])
    rest = asyncio.create_task(reader.read(2))
    assert process.exists()
    reader.close()
    with pytest.raises(Crashed):
        await rest
    eventually(lambda: not process.exists())


async def test_only_work_is_charged_to_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = TimeBudget(10)
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)

    async def work(seconds: float) -> None:
        nonlocal now
        now += seconds

    await budget.spend(work(6))
    await work(100)
    await budget.spend(work(3.9))
    await budget.spend(work(0.2))
    with pytest.raises(DocumentError) as caught:
        await budget.spend(asyncio.Event().wait(), page=7)
    assert (caught.value.code, caught.value.page) == (ErrorCode.PARSE_TIMEOUT, 7)
