"""What becomes of documents: the same one twice, corrupt ones beside good ones, replaced and deleted ones."""

from pathlib import Path

import httpx
import pytest
from demo import corpus

from rag_cli.client import Client
from tests.documents import damage_page, ended, small_pdf, uploaded
from tests.e2e.vectors import Vectors

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_same_file_twice_adds_nothing(client: Client, manual: Path, vectors: Vectors) -> None:
    before = await vectors.count()
    again = await client.upload(manual, corpus.MANUAL_ID)
    assert not again.changed
    assert "nothing" in again.message.lower()
    assert (await client.status(again.task_id)).status == "completed"
    assert await vectors.count() == before


async def test_a_corrupt_pdf_fails_and_a_corrupt_page_costs_no_other(client: Client, tmp_path: Path) -> None:
    good = small_pdf(
        tmp_path / "e2e-good.pdf", *(f"Page {number} of a good document." for number in (1, 2, 3))
    )
    broken = damage_page(good, tmp_path / "e2e-broken.pdf", 2)
    garbage = tmp_path / "e2e-garbage.pdf"
    garbage.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 40)
    async with uploaded(client, garbage, broken, good) as tasks:
        garbage_end, broken_end, good_end = [await ended(client, task) for task in tasks]
    assert garbage_end.error
    assert garbage_end.error.code == "PDF_CORRUPT"
    assert garbage_end.error.hint
    assert broken_end.result
    assert [(warning.code, warning.page) for warning in broken_end.result.warnings] == [("PDF_CORRUPT", 2)]
    assert good_end.result
    assert good_end.result.pages == 3


async def test_new_bytes_replace_a_document(client: Client, vectors: Vectors, tmp_path: Path) -> None:
    path = small_pdf(tmp_path / "e2e-replaced.pdf", "The first text is about lighthouses.")
    async with uploaded(client, path) as (first,):
        await ended(client, first)
        small_pdf(path, "The second text is about bridges.")
        second = await client.upload(path, path.stem)
        assert second.changed
        assert second.task_id != first
        await ended(client, second.task_id)
        (point,) = await vectors.points(path.stem)
        assert "bridges" in point["text"]
    assert await vectors.points(path.stem) == []


async def test_deleted_document_is_not_found(client: Client, tmp_path: Path) -> None:
    path = small_pdf(tmp_path / "e2e-deleted.pdf", "A text that is soon gone.")
    async with uploaded(client, path) as (task,):
        await ended(client, task)
    with pytest.raises(httpx.HTTPStatusError) as refusal:
        await client.status(task)
    assert refusal.value.response.status_code == 404
    assert path.stem not in await client.document_ids()
