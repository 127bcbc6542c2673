"""Records and their indexes, on a real Redis."""

from rag_workloads.library.documents import DocumentError, ErrorCode, NewDocument, State
from rag_workloads.library.records import DocumentStore


def new(document_id: str = "doc", sha256: str = "aa", upload: str = "1") -> NewDocument:
    return NewDocument(
        document_id=document_id,
        file_name="手册.pdf",
        content_type="application/pdf",
        size_bytes=3,
        sha256=sha256,
        object_key=f"documents/{document_id}/{upload}",
    )


async def test_the_same_bytes_again_change_nothing(documents: DocumentStore) -> None:
    first, began, _ = await documents.begin(new())
    again, began_again, _ = await documents.begin(new())
    assert (began, began_again) == (True, False)
    assert first == again
    assert first.state is State.PENDING


async def test_new_bytes_begin_a_later_generation_and_keep_what_is_active(documents: DocumentStore) -> None:
    first, _, _ = await documents.begin(new())
    await documents.complete("doc", first.generation)
    second, began, _ = await documents.begin(new(sha256="bb"))
    assert began
    assert second.generation > first.generation
    assert second.active_generation == first.generation
    assert second.created_at == first.created_at
    assert second.progress == 0


async def test_a_failed_document_may_be_tried_again(documents: DocumentStore) -> None:
    first, _, _ = await documents.begin(new())
    await documents.fail(
        "doc", first.generation, DocumentError(ErrorCode.PDF_CORRUPT, "broken", 3, "repair it")
    )
    failed = await documents.get("doc")
    assert failed is not None
    assert (failed.state, failed.error_code, failed.error_page) == (State.FAILED, ErrorCode.PDF_CORRUPT, 3)
    second, began, _ = await documents.begin(new())
    assert began
    assert second.error_code is None
    assert await documents.counts() == {
        State.PENDING: 1,
        State.PROCESSING: 0,
        State.COMPLETED: 0,
        State.FAILED: 0,
    }


async def test_a_late_writer_is_refused(documents: DocumentStore) -> None:
    old, _, _ = await documents.begin(new())
    now, _, _ = await documents.begin(new(sha256="bb"))
    assert not await documents.update("doc", old.generation, pages=1)
    assert await documents.batch_done("doc", old.generation, 0) is None
    assert await documents.complete("doc", now.generation)
    assert not await documents.update("doc", now.generation, state=State.PROCESSING)
    assert not await documents.delete("doc", old.generation)
    assert await documents.delete("doc", now.generation)
    assert not await documents.update("doc", now.generation, pages=1)
    assert await documents.get("doc") is None


async def test_a_batch_counts_once(documents: DocumentStore) -> None:
    document, _, _ = await documents.begin(new())
    await documents.update("doc", document.generation, batches=2)
    for number, all_done in ((0, False), (0, False), (1, True)):
        after = await documents.batch_done("doc", document.generation, number)
        assert after is not None
        assert after.all_batches_done is all_done
    assert await documents.done_batches("doc", document.generation) == {0, 1}


async def test_lists_are_newest_first_and_by_state(documents: DocumentStore) -> None:
    for number in range(5):
        document, _, _ = await documents.begin(new(f"doc-{number}"))
        if number == 2:
            await documents.complete(document.document_id, document.generation)
            second = document
    page, total = await documents.list(1, 2)
    assert [document.document_id for document in page] == ["doc-3", "doc-2"]
    assert total == 5
    completed, total = await documents.list(0, 10, State.COMPLETED)
    assert [document.document_id for document in completed] == ["doc-2"]
    assert total == 1
    assert [document.document_id for document in await documents.unfinished()] == [
        "doc-0",
        "doc-1",
        "doc-3",
        "doc-4",
    ]
    await documents.delete("doc-2", second.generation)
    assert (await documents.counts())[State.COMPLETED] == 0


async def test_a_file_is_needed_until_its_generation_is_past(documents: DocumentStore) -> None:
    unused = []
    for sha256, upload, ends in (
        ("aa", "1", "completed"),
        ("aa", "2", "as it was"),
        ("bb", "3", "failed"),
        ("cc", "4", "completed"),
        ("dd", "5", "completed"),
    ):
        document, _, file = await documents.begin(new(sha256=sha256, upload=upload))
        unused.append(file and file.removeprefix("documents/doc/"))
        if ends == "completed":
            await documents.complete("doc", document.generation)
        elif ends == "failed":
            assert document.object_keys == {"documents/doc/3", "documents/doc/1"}
            await documents.fail("doc", document.generation, DocumentError(ErrorCode.INTERNAL, "broken"))
    # The second upload brought known bytes; the third failed while searches saw the first.
    assert unused == [None, "2", None, "3", "1"]


async def test_attempts_are_counted_and_taken_back(documents: DocumentStore) -> None:
    old, *_ = await documents.begin(new())
    assert [await documents.count_attempt("doc", old.generation) for _ in range(2)] == [1, 2]
    assert await documents.count_attempt("doc", old.generation, -1) == 1
    now, *_ = await documents.begin(new(sha256="bb"))
    assert (now.attempts, await documents.count_attempt("doc", old.generation)) == (0, 0)
    assert await documents.count_attempt("none", 1) == 0
    assert await documents.get("none") is None


async def test_a_retired_document_failed_and_can_be_uploaded_again(documents: DocumentStore) -> None:
    document, *_ = await documents.begin(new())
    await documents.complete("doc", document.generation)
    assert not await documents.retire("doc", document.generation - 1)
    assert await documents.retire("doc", document.generation)
    retired = await documents.get("doc")
    assert retired
    assert (retired.state, retired.error_code) == (State.FAILED, ErrorCode.DELETE_UNFINISHED)
    assert retired.active_generation is None
    assert (await documents.counts())[State.COMPLETED] == 0
    again, began, _ = await documents.begin(new())
    assert began
    assert not await documents.delete("doc", document.generation), "it deletes its own generation only"
    assert await documents.get("doc") == again
