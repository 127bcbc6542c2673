import asyncio
from functools import partial
from pathlib import Path

import pytest
from anyio import BrokenWorkerProcess

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker.parser import Parser, TimeBudget


class FragileParser(Parser):
    """Stands in for the process: it dies whenever it reads page `deadly`."""

    def __init__(self, deadly: int) -> None:
        super().__init__(1)
        self._deadly = deadly

    async def _run(self, work: partial[list[str]]) -> list[str]:  # type: ignore[override]
        first, last = work.args[-2:]
        if first <= self._deadly <= last:
            raise BrokenWorkerProcess
        return [f"page {number}" for number in range(first, last + 1)]


async def read(parser: Parser, pages: int) -> list[str]:
    parts = parser.read_pages(Path("a.pdf"), "application/pdf", pages, TimeBudget(10))
    return [text async for part in parts for text in part]


async def test_all_pages_come_in_order() -> None:
    assert await read(FragileParser(deadly=0), 70) == [f"page {number}" for number in range(1, 71)]


@pytest.mark.parametrize("deadly", [1, 32, 37, 70])
async def test_the_page_that_kills_the_process_is_found(deadly: int) -> None:
    with pytest.raises(DocumentError) as caught:
        await read(FragileParser(deadly), 70)
    assert (caught.value.code, caught.value.page) == (ErrorCode.PARSE_CRASHED, deadly)


async def test_only_work_is_charged_to_the_budget() -> None:
    budget = TimeBudget(0.2)
    await budget.spend(asyncio.sleep(0.05))
    await asyncio.sleep(0.3)
    await budget.spend(asyncio.sleep(0.05))
    with pytest.raises(DocumentError) as caught:
        await budget.spend(asyncio.sleep(1), page=7)
    assert (caught.value.code, caught.value.page) == (ErrorCode.PARSE_TIMEOUT, 7)
