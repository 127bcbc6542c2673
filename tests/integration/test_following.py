"""An index follows another: what reaches the one reaches the other, which answers once it has everything."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest
from redis.exceptions import OutOfMemoryError
from tests.integration.conftest import PIPELINE
from tests.integration.test_lost_replies import LAYOUT, VECTOR, Room
from tests.records import batch, new_document

from rag_contract.index import Index, index_id
from rag_workloads.jobs.redis_errors import IndexRetired
from rag_workloads.library.collections import CollectionTaken, Fingerprint, VectorStoreError
from rag_workloads.library.documents import Description, Document, DocumentError, ErrorCode, State
from rag_workloads.library.dropping import drop_unwanted
from rag_workloads.library.following import Follower, Progress
from rag_workloads.library.indexes import Decision, IndexUnknown
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.record_reader import RecordUnreadable
from rag_workloads.library.searches import Query

LONGER = np.asarray([[1.0, 0.0, 0.0]], np.float32)


@dataclass(frozen=True)
class Pair:
    """An index that answers, one that is to, and what makes it follow."""

    leader: Room
    follower: Room
    indexes: tuple[Index, Index]

    @property
    def following(self) -> Follower:
        """As a worker of the follower has it."""
        leader, follower = self.indexes
        return Follower(self.follower.library, follower, leader)

    async def follow(self) -> None:
        """Look at everything that there is to look at."""
        while await self.following.advance():
            pass

    async def embed(self) -> Document:
        """Complete the document of the follower, as its workers and embedding pods do."""
        library, document = self.follower.library, await self.follower.record()
        taken = await library.take_up("doc", document.task, uuid.uuid4().hex, LAYOUT)
        await library.progress(taken, batches=1, chunks=1)
        await library.batch_done(batch(taken, 0), LONGER)
        return await self.follower.record()

    async def found(self) -> list[str]:
        """What searches see of the follower."""
        return [hit.document_id for hit in await self.follower.library.vectors.find(Query(LONGER[0], 10))]


@pytest.fixture
async def pair(library: Library) -> AsyncIterator[Pair]:
    """Two empty indexes, whose vectors have different lengths; the operator has decided on both."""
    names = [f"c-{uuid.uuid4().hex}" for _ in range(2)]
    ids = index_id(PIPELINE), index_id(PIPELINE, 7)
    old, new = (
        Index(id=id, collection=name, embedding_url="http://none", embedding_model="model")
        for id, name in zip(ids, names, strict=True)
    )
    await library.indexes.decide(Decision(1, old, new))
    leader = Room(library.beside(old))
    follower = Room(leader.library.beside(new))
    await leader.library.vectors.ensure(Fingerprint("small", "f", 2))
    await follower.library.vectors.ensure(Fingerprint("large", "f", 3))
    yield Pair(leader, follower, (old, new))
    await leader.library.vectors.close()


async def test_the_follower_answers_once_it_has_all_documents(pair: Pair) -> None:
    original = await pair.leader.completed()
    await pair.follow()
    copy = await pair.follower.record()
    assert (copy.task, copy.object_key, copy.state) == (original.task, original.object_key, State.PENDING)
    assert copy.created_at == original.created_at
    assert not await pair.following.switch()
    assert await pair.following.progress() == Progress(done=0, total=1, failed=0)
    assert (await pair.embed()).state is State.COMPLETED
    assert await pair.following.progress() == Progress(done=1, total=1, failed=0)
    assert await pair.following.switch()
    known = await pair.leader.library.indexes.known()
    assert known
    assert known.serving == pair.indexes[1].id
    assert await pair.found() == ["doc"]


async def test_what_is_switched_from_takes_nothing_in_any_more(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    assert await pair.following.switch()
    leader, another = pair.leader.library, new_document(document_id="late", object_key="documents/late/1")
    with pytest.raises(IndexRetired):
        await leader.begin(another)
    with pytest.raises(IndexRetired):
        await leader.delete("doc")
    with pytest.raises(IndexRetired):
        await leader.describe("doc", lambda was: was)


async def test_a_document_that_is_uploaded_meanwhile_reaches_both(pair: Pair) -> None:
    await pair.follow()
    await pair.leader.begun()
    await pair.follow()
    assert (await pair.follower.library.queue.depths()).ingest == 1
    # No search sees it yet: it is no reason to wait, and goes on in the follower.
    assert await pair.following.switch()
    assert (await pair.embed()).state is State.COMPLETED


async def test_no_change_is_missed_between_a_look_and_the_switch(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    await pair.leader.begun("second", "bb")
    assert not await pair.following.switch()
    await pair.follow()
    assert (await pair.follower.record()).sha256 == "bb"
    assert await pair.following.switch()
    assert await pair.found() == ["doc"]  # the version before, until the second is embedded


async def test_a_deletion_reaches_both(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    assert await pair.leader.library.delete("doc")
    await pair.follow()
    assert await pair.follower.library.records.get("doc") is None
    assert await pair.found() == []
    assert await pair.following.switch()


async def test_a_document_that_is_deleted_and_uploaded_again_at_once_is_not_found_meanwhile(
    pair: Pair,
) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    await pair.leader.library.delete("doc")
    await pair.leader.begun("second", "bb")
    await pair.follow()
    assert await pair.found() == []
    again = await pair.follower.record()
    assert again.active_generation is None
    assert await pair.follower.library.queue.documents_queued([("doc", again.task)]) == [True]
    await pair.embed()
    assert await pair.found() == ["doc"]


async def test_a_description_reaches_both(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    described = Description(file_name="b.pdf", tags=["new"], metadata={"a": 1})
    await pair.leader.library.describe("doc", lambda _: described)
    await pair.follow()
    assert (await pair.follower.record()).description == described
    await pair.follower.library.settle("doc", (await pair.follower.record()).generation)
    (hit,) = await pair.follower.library.vectors.find(Query(LONGER[0], 1))
    assert hit.file_name == "b.pdf"


async def test_what_failed_has_failed_in_both_and_nothing_is_embedded(pair: Pair) -> None:
    document = await pair.leader.begun()
    error = DocumentError(ErrorCode.PDF_CORRUPT, "It is broken.", 3, "Mend it.")
    await pair.leader.library.fail("doc", document.generation, error)
    await pair.follow()
    copy = await pair.follower.record()
    assert (copy.state, copy.error_code, copy.error_page) == (State.FAILED, ErrorCode.PDF_CORRUPT, 3)
    assert (await pair.follower.library.queue.depths()).ingest == 0
    assert await pair.following.switch()


async def test_an_earlier_version_that_searches_see_is_embedded_where_the_last_upload_failed(
    pair: Pair,
) -> None:
    first = await pair.leader.completed()
    second = await pair.leader.begun("second", "bb")
    await pair.follow()
    error = DocumentError(ErrorCode.PDF_CORRUPT, "It is broken.")
    await pair.leader.library.fail("doc", second.generation, error)
    await pair.follow()
    copy = await pair.follower.record()
    assert (copy.source, copy.object_key) == (first.object_key, second.object_key)
    ended = await pair.embed()
    assert (ended.state, ended.error_code) == (State.FAILED, ErrorCode.PDF_CORRUPT)
    assert ended.active_object_key == first.object_key
    assert await pair.following.switch()
    await pair.follower.library.empty_trash()
    files = pair.follower.library.files
    assert files
    assert await files.exists(first.object_key)
    assert await files.exists(second.object_key)


async def test_what_fails_in_the_follower_only_keeps_it_from_answering_until_it_is_tried_again(
    pair: Pair,
) -> None:
    await pair.leader.completed()
    await pair.follow()
    generation = (await pair.follower.record()).generation
    await pair.follower.library.fail("doc", generation, DocumentError(ErrorCode.INTERNAL, "No."))
    assert not await pair.following.switch()
    assert await pair.following.progress() == Progress(done=0, total=1, failed=1)
    await pair.follower.library.retry("doc")
    await pair.embed()
    assert await pair.following.switch()


async def test_a_version_that_is_older_than_the_leader_s_is_not_enough(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    await pair.leader.completed(upload="second", sha256="bb")
    await pair.follow()
    assert not await pair.following.switch()
    generation = (await pair.follower.record()).generation
    await pair.follower.library.fail("doc", generation, DocumentError(ErrorCode.INTERNAL, "No."))
    assert not await pair.following.switch()
    assert await pair.following.progress() == Progress(done=0, total=1, failed=1)
    assert [each.document_id for each in await pair.following.failed(10)] == ["doc"]


async def test_an_upload_that_fails_after_an_earlier_version_was_embedded_in_both_costs_nothing(
    pair: Pair,
) -> None:
    first = await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    second = await pair.leader.begun("second", "bb")
    await pair.follow()
    await pair.leader.library.fail("doc", second.generation, DocumentError(ErrorCode.PDF_CORRUPT, "No."))
    await pair.follow()
    copy = await pair.follower.record()
    assert (copy.state, copy.error_code, copy.source_key) == (State.FAILED, ErrorCode.PDF_CORRUPT, None)
    assert copy.active_object_key == first.object_key
    assert await pair.following.switch()
    assert await pair.found() == ["doc"]
    await pair.follower.library.retry("doc")
    assert (await pair.follower.record()).source == second.object_key


async def test_the_file_of_what_searches_see_is_known_after_further_uploads(pair: Pair) -> None:
    first = await pair.leader.completed()
    second = await pair.leader.begun("second", "bb")
    await pair.leader.library.fail("doc", second.generation, DocumentError(ErrorCode.PDF_CORRUPT, "No."))
    await pair.follow()
    await pair.embed()
    assert await pair.following.switch()
    await pair.follower.begun("third", "cc")
    assert (await pair.follower.record()).active_object_key == first.object_key
    await pair.follower.library.empty_trash()
    files = pair.follower.library.files
    assert files
    assert await files.exists(first.object_key)
    assert not await files.exists(second.object_key)


async def test_a_look_that_comes_after_the_switch_changes_nothing(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    late = pair.following
    assert await pair.following.switch()
    await pair.follower.begun("second", "bb")
    await late._look_at("doc")
    assert (await pair.follower.record()).sha256 == "bb"


async def test_a_deletion_that_comes_late_spares_what_was_uploaded_since(pair: Pair) -> None:
    first = await pair.leader.completed()
    second = await pair.leader.begun("second", "bb")
    await pair.leader.library.delete_version("doc", first.generation)
    assert (await pair.leader.record()).generation == second.generation
    await pair.leader.library.delete_version("doc", second.generation)
    assert await pair.leader.library.records.get("doc") is None


async def test_a_follower_that_is_called_off_takes_no_change_from_the_next(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    late, (old, new) = pair.following, pair.indexes
    third = new.model_copy(update={"id": index_id(PIPELINE, 8), "collection": f"{new.collection}-8"})
    await pair.leader.library.indexes.decide(Decision(2, old, third))
    follower = Follower(pair.leader.library.beside(third), third, old)
    while await follower.advance():
        pass
    await pair.leader.library.delete("doc")
    await late._look_at("doc")
    assert not await late.advance()
    assert not await follower.switch()
    await follower.advance()
    assert await follower.get("doc") is None


async def test_a_record_that_cannot_be_read_is_followed_as_any_other(pair: Pair) -> None:
    await pair.leader.completed()
    redis = pair.leader.library.queue.redis
    async with redis.pipeline() as pipe:
        pipe.hset(f"{PIPELINE}:doc:doc", "size_bytes", "none")
        await pipe.execute()
    await pair.leader.library.begin(new_document(document_id="other", object_key="documents/other/1"))
    await pair.follow()
    assert (await pair.following.progress()).done == 0
    assert await pair.following.get("other")
    with pytest.raises(RecordUnreadable):
        await pair.following.get("doc")


async def test_a_re_index_can_be_called_off_while_redis_has_no_memory(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    old, new = pair.indexes
    library = pair.leader.library
    await library.queue.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            await library.begin(new_document(document_id="other", object_key="documents/other/1"))
        await library.indexes.decide(Decision(2, old, None))
        assert await library.chores.turn("drop", 5)
        await drop_unwanted(library, 0)
    finally:
        await library.queue.redis.config_set("maxmemory", 0)
    assert await _keys(pair, of=new) == [f"{new.id}:docs:retired"]


async def test_the_first_index_is_not_begun_again_once_it_was_dropped(pair: Pair) -> None:
    _, new = pair.indexes
    await pair.leader.library.admit()
    await pair.follow()
    assert await pair.following.switch()
    await pair.leader.library.indexes.decide(Decision(2, new, None))
    with pytest.raises(IndexUnknown):
        await pair.leader.library.admit()


async def test_a_follower_deletes_no_file(pair: Pair) -> None:
    first = await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    second = await pair.leader.begun("second", "bb")
    await pair.follow()
    await pair.embed()  # here the second version is done, and there the first one is still in use
    await pair.follower.library.recover()
    files = pair.follower.library.files
    assert files
    assert await files.exists(first.object_key)
    assert await files.exists(second.object_key)


async def test_a_follower_that_is_called_off_leaves_nothing(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    old, new = pair.indexes
    before = await _keys(pair, of=old)
    await pair.leader.library.indexes.decide(Decision(2, old, None))
    with pytest.raises(IndexUnknown):
        await pair.follower.library.indexes.admit(new.id)
    await drop_unwanted(pair.leader.library, 3600)
    assert [key for key in await _keys(pair, of=new) if "retired" not in key] == []
    assert await _keys(pair, of=old) == [key for key in before if "follow" not in key and "chang" not in key]
    assert not await pair.following.switch()
    with pytest.raises(IndexRetired):
        await pair.following._look_at("doc")
    names = await pair.leader.library.vectors._client.get_collections()
    assert new.collection not in [each.name for each in names.collections]
    assert await pair.leader.library.vectors.find(Query(VECTOR[0], 10))


async def test_an_index_that_has_answered_is_kept_for_a_while(pair: Pair) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    assert await pair.following.switch()
    old, new = pair.indexes
    await pair.leader.library.indexes.decide(Decision(2, new, None))
    await drop_unwanted(pair.follower.library, 3600)
    assert await pair.leader.library.vectors.find(Query(VECTOR[0], 10))
    await drop_unwanted(pair.leader.library, 0)  # it does not answer: it drops nothing
    assert await pair.leader.library.vectors.find(Query(VECTOR[0], 10))
    await drop_unwanted(pair.follower.library, 0)
    known = await pair.follower.library.indexes.known()
    assert known
    assert old.id in known.indexes
    assert await _keys(pair, of=old) == [f"{old.id}:docs:retired"]
    assert await pair.found() == ["doc"]


async def test_a_newer_decision_is_not_undone_by_a_process_that_knows_an_older_one(pair: Pair) -> None:
    old, new = pair.indexes
    indexes = pair.leader.library.indexes
    await indexes.decide(Decision(2, old, None))
    await indexes.decide(Decision(1, old, new))
    known = await indexes.known()
    assert known
    assert (known.serving, known.next) == (old.id, "")


async def test_a_collection_of_another_index_is_waited_for(pair: Pair) -> None:
    taken = pair.follower.library.vectors.beside(pair.indexes[0].collection, index_id(PIPELINE, 8))
    with pytest.raises(CollectionTaken, match="until that is dropped"):
        await taken.ensure(Fingerprint("small", "f", 2))


async def test_what_two_workers_drop_at_once_is_deleted_once(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = pair.indexes
    leader = pair.leader.library
    await leader.indexes.decide(Decision(2, old, None))
    qdrant = leader.vectors._client
    delete, looked, go_on = qdrant.delete_collection, asyncio.Event(), asyncio.Event()

    async def delete_late(name: str) -> bool:
        looked.set()
        await go_on.wait()
        return await delete(name)

    monkeypatch.setattr(qdrant, "delete_collection", delete_late)
    first = asyncio.create_task(drop_unwanted(leader, 0))
    await looked.wait()
    await drop_unwanted(leader, 0)  # would wait to delete what the first one has looked at, too
    go_on.set()
    await first
    # The name is free, and a newer index takes it.
    newer = leader.vectors.beside(new.collection, index_id(PIPELINE, 8))
    await newer.ensure(Fingerprint("large", "f", 3))
    await drop_unwanted(leader, 0)
    assert await qdrant.collection_exists(new.collection)


async def test_a_document_that_the_vector_store_refuses_is_told_with_a_hint_until_it_follows(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.leader.completed()
    await pair.follow()
    await pair.embed()
    await pair.leader.library.delete("doc")
    following, vectors = pair.following, pair.follower.library.vectors

    async def refuse(*_: object, **__: object) -> None:
        raise VectorStoreError("Wrong input: no such field")

    with monkeypatch.context() as patch:
        patch.setattr(type(vectors), "delete", refuse)
        await following.advance()
    assert (await following.progress()).stuck == 1
    (stuck,) = await following.stuck(10)
    assert (stuck.document_id, stuck.code) == ("doc", "VECTOR_STORE_REFUSED")
    assert stuck.message == "Wrong input: no such field"
    assert stuck.hint
    assert not await following.switch()
    await pair.follow()
    assert (await following.progress()).stuck == 0
    assert await following.stuck(10) == []
    assert await following.switch()


async def test_no_more_are_begun_while_redis_has_little_memory_and_it_is_told_why(pair: Pair) -> None:
    await pair.leader.completed()
    redis, following = pair.leader.library.queue.redis, pair.following
    assert await following.waits() == ""
    used = (await redis.info("memory"))["used_memory"]
    await redis.config_set("maxmemory", int(used * 1.1))
    try:
        await following.advance()
        assert (await following.waits()).startswith("Redis uses 9")
        assert await following.get("doc") is None
    finally:
        await redis.config_set("maxmemory", 0)
    await pair.follow()
    assert await following.waits() == ""
    assert await following.get("doc")


async def test_documents_of_an_earlier_release_are_embedded_anew_before_the_switch(pair: Pair) -> None:
    await pair.leader.completed()
    redis, collection = pair.leader.library.queue.redis, pair.indexes[0].collection
    async with redis.pipeline() as pipe:  # that release did not note where searches see a document
        pipe.hdel(f"{PIPELINE}:doc:doc", "active_collection", "places")
        pipe.delete(f"{PIPELINE}:docs:in:{collection}")
        await pipe.execute()
    await pair.follow()
    assert await pair.following.progress() == Progress(done=0, total=1, failed=0)
    assert not await pair.following.switch()
    assert (await pair.leader.record()).active_collection == collection
    await pair.embed()
    assert await pair.following.switch()
    assert await pair.found() == ["doc"]


async def test_a_document_of_an_earlier_release_that_no_search_sees_keeps_nobody_waiting(pair: Pair) -> None:
    document = await pair.leader.completed()
    leader, collection = pair.leader.library, pair.indexes[0].collection
    async with leader.queue.redis.pipeline() as pipe:
        pipe.hdel(f"{PIPELINE}:doc:doc", "active_collection", "places")
        pipe.delete(f"{PIPELINE}:docs:in:{collection}")
        await pipe.execute()
    await leader.vectors.delete("doc", document.generation)
    await pair.follow()
    assert (await pair.leader.record()).active_collection is None
    assert await pair.following.switch()
    await pair.embed()
    assert await pair.found() == ["doc"]


async def _keys(pair: Pair, of: Index) -> list[str]:
    """The keys of an index in Redis, but those of the pipeline."""
    redis = pair.leader.library.queue.redis
    keys = [key.decode() async for key in redis.scan_iter(match=f"*{of.id}:*")]
    own = [key for key in keys if not key.endswith((":indexes", ":owner")) and ":minute:" not in key]
    return sorted(own)
