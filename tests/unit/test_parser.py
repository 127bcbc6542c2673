import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio import BrokenWorkerProcess

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker.pages import Page
from rag_workloads.worker.parser import Parser, TimeBudget


class FragileParser(Parser):
    """Stands in for the process: it dies on page `deadly`, and never ends with page `endless`."""

    def __init__(self, deadly: int = 0, endless: int = 0) -> None:
        super().__init__(1)
        self._deadly, self._endless = deadly, endless

    async def _run(self, work: partial[Any]) -> Any:
        first, last = work.args[-2:]
        if first <= self._deadly <= last:
            raise BrokenWorkerProcess
        if first <= self._endless <= last:
            await asyncio.Event().wait()
        return [Page(f"page {number}") for number in range(first, last + 1)]


async def read(parser: Parser, pages: int, seconds: float = 10) -> list[Page]:
    parts = parser.read_pages(Path("a.pdf"), "application/pdf", pages, TimeBudget(seconds))
    return [page async for part in parts for page in part]


async def test_all_pages_come_in_order() -> None:
    assert await read(FragileParser(), 70) == [Page(f"page {number}") for number in range(1, 71)]


@pytest.mark.parametrize("number", [1, 32, 37, 70])
@pytest.mark.parametrize(
    ("parser", "code", "seconds"),
    [("deadly", ErrorCode.PARSE_CRASHED, 10), ("endless", ErrorCode.PARSE_TIMEOUT, 2)],
)
async def test_a_page_that_kills_or_hangs_the_process_costs_no_other(
    parser: str, code: ErrorCode, seconds: float, number: int
) -> None:
    pages = await read(FragileParser(**{parser: number}), 70, seconds)
    assert [page.text or "lost" for page in pages] == [
        f"page {n}" if n != number else "lost" for n in range(1, 71)
    ]
    (warning,) = [page.warning for page in pages if page.warning]
    assert (warning.page, warning.code) == (number, code)
    assert warning.message.startswith(f"Page {number} ")


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
