"""Documents by the thousand, and lists of them as a client reads them: page by page, by every filter."""

import time
from typing import Any, NamedTuple

import httpx

from rag_workloads.library.documents import DocumentError, ErrorCode, Layout, State
from rag_workloads.library.records import Records, Target
from tests.records import new_document

DOCUMENTS = "/api/v1/documents"
PAGE = 100
TARGET = Target("lone", 0)
LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=32)
STATES = list(State)
FAILED = STATES.index(State.FAILED)


class Wanted(NamedTuple):
    """What a list is asked for, and the numbers of the documents that it must show, in order."""

    params: dict[str, Any]
    numbers: list[int]


class Pages(NamedTuple):
    """The numbers of the documents that a list showed, in order, and the seconds that each page took."""

    numbers: list[int]
    seconds: list[float]


async def fill(records: Records, count: int) -> None:
    """Begin so many documents, oldest first, and bring each to one of the states in turn."""
    for number in range(count):
        await _bring(records, number, STATES[number % len(STATES)])


async def _bring(records: Records, number: int, state: State) -> None:
    new = new_document(
        document_id=str(number),
        file_name=f"Report {number}.pdf",
        tags=["third"] if number % 3 == 0 else [],
        object_key=f"documents/{number}/00",
    )
    task = (await records.begin(new, TARGET)).task
    match state:
        case State.PROCESSING:
            await records.take_up(new.document_id, task, "token", TARGET, LAYOUT)
        case State.COMPLETED:
            await records.complete(new.document_id, task, TARGET.collection, task)
        case State.FAILED:
            code = ErrorCode.PDF_CORRUPT if number % 2 else ErrorCode.PDF_NO_TEXT
            await records.fail(new.document_id, task, DocumentError(code, "It has no page."))
        case State.CANCELLED:
            await records.cancel(new.document_id, task)


async def every_list(api: httpx.AsyncClient, count: int) -> dict[str, Wanted]:
    """One list by each filter, and more, of a library that was filled with so many documents."""
    all_of_them = range(count - 1, -1, -1)
    failed = [number for number in all_of_them if number % len(STATES) == FAILED]
    tagged = [number for number in all_of_them if number % 3 == 0]
    first, last = count // 4, count // 2
    between = {"created_after": await _created(api, first), "created_before": await _created(api, last)}
    return {
        "all": Wanted({}, list(all_of_them)),
        "state": Wanted({"state": "failed"}, failed),
        "tag": Wanted({"tag": "third"}, tagged),
        "error_code": Wanted({"error_code": "PDF_CORRUPT"}, [number for number in failed if number % 2]),
        "name": Wanted({"name": "report 7"}, [number for number in all_of_them if str(number)[0] == "7"]),
        "created": Wanted(between, list(range(last - 1, first - 1, -1))),
        "state and tag": Wanted(
            {"state": "failed", "tag": "third"}, [number for number in failed if number % 3 == 0]
        ),
    }


async def read_list(api: httpx.AsyncClient, wanted: Wanted) -> Pages:
    """Ask for page after page of a list, to its end."""
    pages, params = Pages([], []), {"limit": PAGE, **wanted.params}
    while True:
        started = time.perf_counter()
        answer = await api.get(DOCUMENTS, params=params)
        pages.seconds.append(time.perf_counter() - started)
        page = answer.raise_for_status().json()
        pages.numbers.extend(int(document["document_id"]) for document in page["documents"])
        if page["next_cursor"] is None:
            return pages
        params["cursor"] = page["next_cursor"]


async def _created(api: httpx.AsyncClient, number: int) -> str:
    answer = await api.get(f"{DOCUMENTS}/{number}")
    return str(answer.raise_for_status().json()["created_at"])
