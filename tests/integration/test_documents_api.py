"""Documents through the API: they are cancelled, tried again, described and listed; nobody works on them."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.integration.api_process import problem
from tests.integration.conftest import PIPELINE

from rag_workloads.jobs.payloads import EmbedBatch
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.documents import Document, DocumentError, ErrorCode, Layout
from rag_workloads.library.record_reader import NO_CHECKPOINT
from rag_workloads.library.records import Cut, Records, Target

LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=3)
DOCUMENTS = "/api/v1/documents"


async def upload(
    api: httpx.AsyncClient, document_id: str = "doc", text: str = "Some text."
) -> dict[str, Any]:
    answer = await api.post(
        f"{DOCUMENTS}/upload", files={"file": ("a.txt", text.encode())}, data={"document_id": document_id}
    )
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def status(api: httpx.AsyncClient, task_id: str) -> str:
    answer = await api.get(f"{DOCUMENTS}/upload/status/{task_id}")
    return str(answer.json()["status"])


async def fail(queue: Queue, document_id: str) -> None:
    """As a worker does that cannot read the document."""
    records = Records(queue.redis, PIPELINE)
    document = await records.get(document_id)
    assert document
    error = DocumentError(ErrorCode.PDF_CORRUPT, "It is broken.", 3, "Repair it.")
    assert await records.fail(document_id, document.generation, error)
    await queue.forget(document_id, document.task, document.generation, 0)


def batch_of(document: Document, number: int) -> EmbedBatch:
    return EmbedBatch(document.document_id, document.generation, number, "lone", 0, "a.txt", [])


async def queued(queue: Queue, task_id: str) -> bool:
    document_id, _, task = task_id.rpartition(".")
    return (await queue.documents_queued([(document_id, int(task))]))[0]


async def test_a_document_that_is_cancelled_may_be_tried_again(queue: Queue, api: httpx.AsyncClient) -> None:
    task = (await upload(api))["task_id"]
    for _ in range(2):
        cancelled = await api.post(f"{DOCUMENTS}/doc/cancel")
        assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert await status(api, task) == "cancelled"
    for _ in range(2):
        again = await api.post(f"{DOCUMENTS}/doc/retry")
        assert (again.status_code, again.json()["state"], again.json()["task_id"]) == (202, "pending", task)
    assert await queued(queue, task)
    assert await status(api, task) == "pending"


async def test_a_document_that_failed_is_tried_again_without_its_error(
    queue: Queue, api: httpx.AsyncClient
) -> None:
    task = (await upload(api))["task_id"]
    await fail(queue, "doc")
    assert (await api.get(f"{DOCUMENTS}/doc")).json()["error"] == {
        "code": "PDF_CORRUPT",
        "message": "It is broken.",
        "page": 3,
        "hint": "Repair it.",
    }
    assert problem(await api.post(f"{DOCUMENTS}/doc/cancel")) == (409, "document-finished")
    again = (await api.post(f"{DOCUMENTS}/doc/retry")).json()
    assert (again["state"], again["error"], again["attempts"]) == ("pending", None, 0)
    assert await queued(queue, task)


async def test_the_same_bytes_after_a_cancel_are_begun_again(queue: Queue, api: httpx.AsyncClient) -> None:
    first = (await upload(api))["task_id"]
    await api.post(f"{DOCUMENTS}/doc/cancel")
    second = (await upload(api))["task_id"]
    assert second != first
    assert await queued(queue, second)


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_there_must_be_a_document(api: httpx.AsyncClient, verb: str) -> None:
    assert problem(await api.post(f"{DOCUMENTS}/none/{verb}")) == (404, "document-not-found")


async def test_what_is_being_done_is_not_tried_again(api: httpx.AsyncClient) -> None:
    await upload(api)
    assert (await api.post(f"{DOCUMENTS}/doc/retry")).status_code == 202


async def test_how_far_a_document_is_and_what_each_stage_took(queue: Queue, api: httpx.AsyncClient) -> None:
    records, collection = Records(queue.redis, PIPELINE), Target("lone", 0)
    await upload(api)
    document = await records.get("doc")
    assert document
    taken = await records.take_up("doc", document.generation, "token", collection, LAYOUT)
    assert taken
    entries = queue.batch_entries([batch_of(taken, number) for number in range(2)])
    await records.cut(taken, Cut(0, 2, NO_CHECKPOINT, 5), *entries)
    await records.batch_done("doc", taken.generation, 0, 3)
    view = (await api.get(f"{DOCUMENTS}/doc")).json()
    assert (view["stage"], view["chunks_done"], view["chunks"]) == ("embedding", 3, 5)
    assert [name for name, seconds in view["timings"].items() if seconds is None] == ["embedding", "indexing"]
    await records.batch_done("doc", taken.generation, 1, 2)
    await records.update("doc", taken.generation, embedded_at=datetime.now(UTC))
    await records.complete("doc", taken.generation, "lone", taken.revised)
    view = (await api.get(f"{DOCUMENTS}/doc")).json()
    assert (view["state"], view["chunks_done"]) == ("completed", 5)
    assert all(seconds >= 0 for seconds in view["timings"].values())


async def test_a_description_is_changed_without_a_new_task(queue: Queue, api: httpx.AsyncClient) -> None:
    task = (await upload(api))["task_id"]
    change = {"tags": ["finance", "2026"], "metadata": {"author": "Ada"}}
    changed = await api.patch(f"{DOCUMENTS}/doc", json=change)
    assert changed.status_code == 200
    again = await api.patch(f"{DOCUMENTS}/doc", json={"file_name": "b.txt", "metadata": {"year": 2026}})
    view = again.json()
    assert (view["file_name"], view["tags"]) == ("b.txt", ["finance", "2026"])
    assert view["metadata"] == {"author": "Ada", "year": 2026}
    assert (view["task_id"], view["state"]) == (task, "pending")


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"tags": ["a,b"]}, "validation"),
        ({"state": "completed"}, "validation"),
        ({"file_name": None}, "invalid-description"),
        ({"metadata": {"deep": [[[[[[[[1]]]]]]]]}}, "invalid-description"),
    ],
)
async def test_a_description_has_bounds(api: httpx.AsyncClient, change: dict[str, Any], slug: str) -> None:
    await upload(api)
    assert problem(await api.patch(f"{DOCUMENTS}/doc", json=change)) == (422, slug)


async def test_a_document_that_is_not_there_cannot_be_described(api: httpx.AsyncClient) -> None:
    assert problem(await api.patch(f"{DOCUMENTS}/none", json={"tags": []})) == (404, "document-not-found")


async def test_documents_are_listed_page_by_page(api: httpx.AsyncClient) -> None:
    for number in range(5):
        await upload(api, f"doc-{number}", f"Text {number}.")
    first = (await api.get(DOCUMENTS, params={"limit": 3})).json()
    assert [document["document_id"] for document in first["documents"]] == ["doc-4", "doc-3", "doc-2"]
    assert (first["total"], first["counts"]["pending"], first["counts"]["failed"]) == (5, 5, 0)
    rest = (await api.get(DOCUMENTS, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [document["document_id"] for document in rest["documents"]] == ["doc-1", "doc-0"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["x", "1", "~doc", "1~", "1~doc\n", "1.~doc"])
async def test_a_cursor_is_what_a_list_answered(api: httpx.AsyncClient, cursor: str) -> None:
    status, slug = problem(await api.get(DOCUMENTS, params={"cursor": cursor}))
    assert (status, slug) == (422, "invalid-cursor")


async def test_what_failed_is_tried_again_and_removed_by_filter(queue: Queue, api: httpx.AsyncClient) -> None:
    for number in range(4):
        await upload(api, f"doc-{number}", f"Text {number}.")
    for number in range(3):
        await fail(queue, f"doc-{number}")
    await api.patch(f"{DOCUMENTS}/doc-0", json={"tags": ["old"]})
    removed = await api.delete(DOCUMENTS, params={"state": "failed", "tag": "old"})
    assert removed.json() == {"done": 1, "next_cursor": None}
    part = (await api.post(f"{DOCUMENTS}/retry", params={"error_code": "PDF_CORRUPT", "limit": 1})).json()
    assert part["done"] == 1
    rest = {"error_code": "PDF_CORRUPT", "cursor": part["next_cursor"]}
    assert (await api.post(f"{DOCUMENTS}/retry", params=rest)).json()["done"] == 1
    listed = (await api.get(DOCUMENTS)).json()
    assert (listed["total"], listed["counts"]["pending"]) == (3, 3)


async def test_all_documents_are_not_removed_by_mistake(api: httpx.AsyncClient) -> None:
    await upload(api)
    misspelled = {"state": "pending", "tags": "old"}
    assert problem(await api.delete(DOCUMENTS, params=misspelled)) == (422, "unknown-parameter")
    assert problem(await api.delete(DOCUMENTS)) == (409, "filter-missing")
