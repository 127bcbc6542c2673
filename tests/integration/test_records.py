"""Records and their indexes, on a real Redis."""

import time

import pytest
from tests.integration.conftest import PIPELINE
from tests.records import batch, new_document

from rag_workloads.jobs.queue import Queue
from rag_workloads.library.documents import (
    Document,
    DocumentError,
    ErrorCode,
    Layout,
    NewDocument,
    State,
    generation_at,
)
from rag_workloads.library.record_reader import NO_CHECKPOINT, Filter, RecordUnreadable
from rag_workloads.library.records import Begun, Cut, Records, StoreRefused, Target

TARGET = Target("manuals", 1)
LAYOUT = Layout(chunk_size=200, chunk_overlap=40, batch_size=32)
BROKEN = DocumentError(ErrorCode.PDF_CORRUPT, "broken", 3, "repair it")


def new(document_id: str = "doc", sha256: str = "aa", upload: str = "") -> NewDocument:
    """A document as it arrives; the first upload of each is called as the document."""
    key = f"documents/{document_id}/{upload or document_id}"
    return new_document(
        document_id=document_id, file_name="手册.pdf", size_bytes=3, sha256=sha256, object_key=key
    )


async def begin(records: Records, document_id: str = "doc", sha256: str = "aa", upload: str = "") -> Document:
    """Begin a generation that was not there."""
    begun = await records.begin(new(document_id, sha256, upload), TARGET)
    assert begun.new
    return await get(records, document_id)


async def get(records: Records, document_id: str = "doc") -> Document:
    document = await records.get(document_id)
    assert document is not None
    return document


async def left(records: Records) -> list[str]:
    """The documents with something left to be done."""
    return (await records.left(time.time() + 1, 0, 100))[0]


async def test_the_same_bytes_again_change_nothing(records: Records) -> None:
    first = await begin(records)
    assert (first.state, first.stage, first.generation) == (State.PENDING, "queued", first.task)
    again = await records.begin(new(upload="2"), TARGET)
    assert again == Begun(first.task, State.PENDING, new=False)
    assert await get(records) == first
    assert await records.trash() == ["documents/doc/2"]


async def test_an_upload_that_is_sent_again_is_answered_the_same(records: Records) -> None:
    first = await records.begin(new(), TARGET)
    assert first.new
    assert await records.begin(new(), TARGET) == first
    assert await records.trash() == [], "its file is the document's"


async def test_generations_are_times_and_grow(records: Records) -> None:
    before = generation_at()
    first = await begin(records)
    second = await begin(records, "other")
    assert before <= first.generation < second.generation
    await records.redis.flushall()
    now = generation_at()
    assert (await begin(records)).generation >= now, "a Redis that was lost does not begin at 1"


async def test_new_bytes_begin_a_later_generation_and_keep_what_is_active(records: Records) -> None:
    first = await begin(records)
    await records.complete("doc", first.generation, "manuals", first.revised)
    second = await begin(records, sha256="bb", upload="2")
    assert second.generation > first.generation
    assert (second.active_generation, second.active_collection) == (first.generation, "manuals")
    assert second.active_object_key == first.object_key
    assert second.created_at == first.created_at
    assert second.progress == 0
    assert await records.searchable("manuals") == 1


async def test_known_bytes_begin_anew_for_a_newer_collection_only(records: Records) -> None:
    first = await begin(records)
    await records.take_up("doc", first.generation, "a", TARGET, LAYOUT)
    await records.complete("doc", first.generation, "manuals", first.revised)
    older = await records.begin(new(upload="2"), Target("old", 0))
    assert older == Begun(first.task, State.COMPLETED, new=False)
    newer = await records.begin(new(upload="3"), Target("novels", 2))
    assert newer.new
    second = await get(records)
    assert (second.collection, second.revision) == (None, 2)
    assert second.active_collection == "manuals"


async def test_a_failed_document_may_be_tried_again(records: Records) -> None:
    first = await begin(records)
    await records.fail("doc", first.generation, BROKEN)
    failed = await get(records)
    assert (failed.state, failed.error_code, failed.error_page) == (State.FAILED, ErrorCode.PDF_CORRUPT, 3)
    second = await begin(records, upload="2")
    assert second.error_code is None
    assert await records.counts() == {
        State.PENDING: 1,
        State.PROCESSING: 0,
        State.COMPLETED: 0,
        State.FAILED: 0,
        State.CANCELLED: 0,
    }


async def test_a_late_writer_is_refused(records: Records) -> None:
    old = await begin(records)
    now = await begin(records, sha256="bb", upload="2")
    assert await records.take_up("doc", old.generation, "a", TARGET, LAYOUT) is None
    assert not await records.update("doc", old.generation, pages=1)
    assert await records.batch_done("doc", old.generation, 0) is None
    assert not await records.complete("doc", old.generation, "manuals", old.revised)
    assert not await records.fail("doc", old.generation, BROKEN)
    assert not await records.restart("doc", old.generation, "a", State.PENDING)
    assert await records.complete("doc", now.generation, "manuals", now.revised)
    assert not await records.update("doc", now.generation, stage="parsing")
    assert not await records.delete("doc", old.generation)
    assert await records.delete("doc", now.generation)
    assert not await records.update("doc", now.generation, pages=1)
    assert await records.get("doc") is None


async def test_a_batch_counts_once(records: Records) -> None:
    document = await begin(records)
    await records.update("doc", document.generation, batches=2)
    for number, all_done in ((0, False), (0, False), (1, True), (1, True)):
        assert await records.batch_done("doc", document.generation, number) is all_done
    assert await records.done_batches("doc", document.generation) == {0, 1}
    assert (await get(records)).batches_done == 2


async def test_a_failure_of_a_batch_counts_once(records: Records) -> None:
    document = await begin(records)
    fails = [(0, "a", 1), (0, "a", 1), (0, "b", 2), (1, "c", 1)]
    for number, token, failures in fails:
        assert await records.batch_failed("doc", document.generation, number, token) == failures


async def test_a_document_leaves_the_lists_with_its_record(records: Records) -> None:
    await begin(records, "first")
    second = await begin(records, "second")
    await records.complete("second", second.generation, "manuals", second.revised)
    await records.settled("second", second.generation)
    assert await left(records) == ["first"]
    await records.delete("second", second.generation)
    assert (await records.counts())[State.COMPLETED] == 0
    assert await records.searchable("manuals") == 0


async def test_what_is_left_to_be_done_is_found_by_the_time_of_its_last_step(
    records: Records, queue: Queue
) -> None:
    first = await begin(records, "first")
    assert await records.left(first.created_at.timestamp() - 1, 0, 10) == ([], 0)
    second = await begin(records, "second")
    await records.update("first", first.generation, pages=1)
    later = time.time() + 1
    assert await records.left(later, 0, 10) == (["second", "first"], 2)
    assert await records.left(later, 1, 10) == (["first"], 1)
    assert await records.left(later, 0, 1) == (["second"], 1)
    await queue.enqueue_document("second", second.task)
    assert await records.left(later, 0, 10) == (["first"], 2), "a job of the other waits"


@pytest.mark.parametrize("completed", [True, False])
async def test_a_generation_that_is_over_is_left_until_it_is_settled(
    records: Records, completed: bool
) -> None:
    document = await begin(records)
    await records.settled("doc", document.generation)
    assert await left(records) == ["doc"], "it is not over"
    if completed:
        await records.complete("doc", document.generation, "manuals", document.revised)
    else:
        await records.fail("doc", document.generation, BROKEN)
    await records.settled("doc", document.generation - 1)
    assert await left(records) == ["doc"]
    await records.settled("doc", document.generation)
    assert await left(records) == []


async def test_a_file_is_needed_until_its_generation_is_past(records: Records) -> None:
    unused = []
    for sha256, upload, ends in (
        ("aa", "1", "completed"),
        ("aa", "2", "as it was"),
        ("bb", "3", "failed"),
        ("cc", "4", "completed"),
        ("dd", "5", "completed"),
    ):
        await records.begin(new(sha256=sha256, upload=upload), TARGET)
        document = await get(records)
        if ends == "completed":
            await records.complete("doc", document.generation, "manuals", document.revised)
        elif ends == "failed":
            assert document.object_keys == {"documents/doc/3", "documents/doc/1"}
            await records.fail("doc", document.generation, BROKEN)
        trash = await records.trash()
        unused.append(sorted(key.removeprefix("documents/doc/") for key in trash))
        await records.trash_emptied(trash)
    # The second upload brought known bytes; the third failed while searches saw the first.
    assert unused == [[], ["2"], [], ["1", "3"], ["4"]]


async def test_an_attempt_freezes_collection_and_layout(records: Records) -> None:
    document = await begin(records)
    first = await records.take_up("doc", document.generation, "a", TARGET, LAYOUT)
    assert first is not None
    assert (first.state, first.stage, first.attempts) == (State.PROCESSING, "parsing", 1)
    assert (first.collection, first.revision, first.layout) == ("manuals", 1, LAYOUT)
    other = LAYOUT.model_copy(update={"chunk_size": 500})
    second = await records.take_up("doc", document.generation, "b", TARGET, other)
    assert second is not None
    assert (second.attempts, second.layout) == (2, LAYOUT)


async def test_only_the_last_attempt_may_fail_a_document(records: Records) -> None:
    document = await begin(records)
    for token in ("a", "b"):
        await records.take_up("doc", document.generation, token, TARGET, LAYOUT)
    assert not await records.fail("doc", document.generation, BROKEN, "a")
    assert (await get(records)).state is State.PROCESSING
    assert await records.fail("doc", document.generation, BROKEN, "b")
    assert (await get(records)).state is State.FAILED


async def test_attempts_are_counted_once_and_taken_back_once(records: Records) -> None:
    document = await begin(records)
    for token in ("a", "a", "b"):
        await records.take_up("doc", document.generation, token, TARGET, LAYOUT)
    assert (await get(records)).attempts == 2
    for _ in range(2):
        await records.give_back("doc", "a")
    assert (await get(records)).attempts == 1, "though another attempt has begun since"
    await records.give_back("doc", "b")
    assert (await get(records)).attempts == 0
    await records.give_back("none", "b")
    assert await records.take_up("none", 1, "b", TARGET, LAYOUT) is None
    assert await records.get("none") is None


async def die(records: Records, document: Document, token: str, page: int | None) -> None:
    """Begin an attempt that turns to the first page, and then to another, and is not heard of again."""
    taken = await records.take_up("doc", document.generation, token, TARGET, LAYOUT)
    assert taken
    for each in (1, page):
        assert await records.turn_to(taken, each)


@pytest.mark.parametrize(
    ("pages", "deadly"),
    [
        ([7], None),
        ([7, 7], 7),
        ([7, 8], None),
        ([8, 7, 7], 7),
        ([7, 8, 7], None),
        ([7, None, 7], None),
        ([None, None], None),
    ],
)
async def test_a_page_is_deadly_that_two_attempts_in_a_row_died_with(
    records: Records, pages: list[int | None], deadly: int | None
) -> None:
    document = await begin(records)
    for token, page in zip("abc", pages, strict=False):
        await die(records, document, token, page)
    last = await records.take_up("doc", document.generation, "last", TARGET, LAYOUT)
    assert last
    assert last.deadly_page == deadly
    assert await records.restart("doc", document.generation, "r", State.PROCESSING)
    assert (await get(records)).deadly_page is None


async def test_an_attempt_that_is_taken_back_or_got_further_died_with_no_page(
    records: Records, queue: Queue
) -> None:
    document = await begin(records)
    for token in "abc":
        await die(records, document, token, 7)
        await records.give_back("doc", token)
    last = await records.take_up("doc", document.generation, "last", TARGET, LAYOUT)
    assert last
    assert await records.turn_to(last, 7)
    entries = queue.batch_entries([batch(last, 0)])
    assert await records.cut(last, Cut(0, 1, NO_CHECKPOINT, None), *entries)
    await die(records, document, "next", 7)
    assert not await records.turn_to(last, 8), "another has begun"
    await records.take_up("doc", document.generation, "more", TARGET, LAYOUT)
    assert (await get(records)).deadly_page is None


async def test_a_generation_that_begins_anew_keeps_its_task_and_what_is_active(records: Records) -> None:
    first = await begin(records)
    await records.take_up("doc", first.generation, "a", TARGET, LAYOUT)
    await records.update("doc", first.generation, pages=9, pages_done=9, chunks=3, batches=1)
    await records.complete("doc", first.generation, "manuals", first.revised)
    for _ in range(2):  # it answers a lost reply the same
        assert await records.restart("doc", first.generation, "r", State.COMPLETED)
    again = await get(records)
    assert (again.task, again.state, again.progress) == (first.task, State.PENDING, 0)
    assert again.generation > first.generation
    assert (again.collection, again.layout, again.batches, again.attempts) == (None, None, None, 0)
    assert (again.active_generation, again.active_collection) == (first.generation, "manuals")
    assert await left(records) == ["doc"]
    await records.complete("doc", again.generation, "novels", again.revised)
    assert (await records.searchable("manuals"), await records.searchable("novels")) == (0, 1)
    assert await records.trash() == [], "both were made from the same file"


async def test_a_document_that_is_being_deleted_failed_and_can_be_uploaded_again(records: Records) -> None:
    document = await begin(records)
    await records.complete("doc", document.generation, "manuals", document.revised)
    assert not await records.retire("doc", document.generation - 1)
    assert await records.retire("doc", document.generation)
    retired = await get(records)
    assert (retired.state, retired.error_code) == (State.FAILED, ErrorCode.DELETE_UNFINISHED)
    assert retired.deleting
    assert (await records.counts())[State.COMPLETED] == 0
    await records.settled("doc", document.generation)
    assert await left(records) == ["doc"], "a deletion goes on until the record is gone"
    again = await begin(records, upload="2")
    assert (again.deleting, again.active_generation) == (False, None)
    assert await records.searchable("manuals") == 0
    assert await records.trash() == [document.object_key]
    assert not await records.delete("doc", document.generation), "it deletes its own generation only"
    assert await get(records) == again


async def test_the_files_of_a_deleted_document_are_trash(records: Records) -> None:
    first = await begin(records)
    await records.complete("doc", first.generation, "manuals", first.revised)
    second = await begin(records, sha256="bb", upload="2")
    assert await records.delete("doc", second.generation)
    assert set(await records.trash()) == second.object_keys
    assert await left(records) == []
    assert await records.page(Filter(), 10) == ([], None)


async def test_a_redis_of_another_pipeline_is_refused(records: Records) -> None:
    for _ in range(2):
        await records.claim("cluster/ns/mine")
    with pytest.raises(StoreRefused, match="holds the documents of the pipeline cluster/ns/mine"):
        await records.claim("cluster/ns/yours")


async def test_what_ended_since_it_was_looked_at_is_not_begun_anew(records: Records) -> None:
    document = await begin(records)
    await records.complete("doc", document.generation, "manuals", document.revised)
    assert not await records.restart("doc", document.generation, "r", State.PROCESSING)
    assert (await get(records)).state is State.COMPLETED


async def test_a_record_of_an_earlier_release_takes_a_new_upload(records: Records, queue: Queue) -> None:
    document = await begin(records)
    await records.complete("doc", document.generation, "manuals", document.revised)
    new_fields = ("task", "active_collection", "places", "begun_at", "described")
    async with queue.redis.pipeline() as pipe:
        pipe.hdel(f"{PIPELINE}:doc:doc", *new_fields)
        await pipe.execute()
    known = await records.begin(new(upload="again"), TARGET)
    assert known.task
    second = await begin(records, sha256="bb", upload="2")
    assert second.active_generation == document.generation
    assert second.active_collection is None


async def test_a_record_that_cannot_be_read_is_not_taken_for_none(records: Records, queue: Queue) -> None:
    await begin(records)
    await begin(records, "other")
    async with queue.redis.pipeline() as pipe:
        pipe.hset(f"{PIPELINE}:doc:doc", "state", "of a newer release")
        await pipe.execute()
    with pytest.raises(RecordUnreadable, match="'doc' cannot be read"):
        await records.get("doc")
    assert [document.document_id for document in await records.load(["doc", "other", "none"])] == ["other"]
    unreadable, other, none = await records.look(["doc", "other", "none"])
    assert isinstance(unreadable, RecordUnreadable)
    assert (isinstance(other, Document), none) == (True, None)


async def test_batches_before_those_that_the_record_knows_of_are_cut_again(
    records: Records, queue: Queue
) -> None:
    """As when Redis lost its last second."""
    document = await begin(records)
    taken = await records.take_up("doc", document.generation, "token", TARGET, LAYOUT)
    assert taken
    entries = queue.batch_entries([batch(taken, 1)])
    assert not await records.cut(taken, Cut(1, 1, NO_CHECKPOINT, None), *entries)
    assert await queue.missing_batches("doc", document.generation, 2) == [0, 1]


async def test_work_that_no_record_has_is_forgotten(records: Records, queue: Queue) -> None:
    await queue.redis.zadd(f"{PIPELINE}:docs:work", {"gone": 1})
    assert await left(records) == []
    assert await queue.redis.zcard(f"{PIPELINE}:docs:work") == 0
