"""The API answers from the index that Redis names, and tells Redis what the operator decided."""

from pathlib import Path

import pytest
from tests.integration.conftest import MODEL, PIPELINE

from rag_contract.environment.api import ApiSettings
from rag_contract.index import Index, index_id
from rag_workloads.api.serving import Serving
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.indexes import Indexes

NEXT = Index(
    id=index_id(PIPELINE, 7), collection="next", embedding_url="http://127.0.0.1:1", embedding_model="other"
)
DECIDED = 7


@pytest.fixture
def settings(redis_server: str, tmp_path: Path) -> ApiSettings:
    return ApiSettings(
        pipeline=PIPELINE,
        redis_url=redis_server,
        qdrant_url="http://127.0.0.1:1",
        qdrant_collection="first",
        storage_url=(tmp_path / "objects").as_uri(),
        embedding_url="http://127.0.0.1:1",
        embedding_model=MODEL,
        next_index=NEXT,
        indexes_decided=DECIDED,
    )


async def test_what_was_decided_is_told_again_if_redis_lost_it(queue: Queue, settings: ApiSettings) -> None:
    serving, indexes = Serving(settings), Indexes(queue.redis, PIPELINE)
    for loss in ({}, {"decided": 1, "next": ""}):
        async with queue.redis.pipeline() as pipe:
            pipe.delete(indexes.key) if not loss else pipe.hset(indexes.key, mapping=loss)
            await pipe.execute()
        await serving.refresh()
        known = await indexes.known()
        assert known
        assert (known.decided, known.serving, known.next) == (DECIDED, PIPELINE, NEXT.id)
    await serving.close()


async def test_requests_move_to_the_index_that_is_switched_to(queue: Queue, settings: ApiSettings) -> None:
    serving, indexes = Serving(settings), Indexes(queue.redis, PIPELINE)
    assert (await serving.refresh()).index.collection == "first"
    async with queue.redis.pipeline() as pipe:
        pipe.hset(indexes.key, "serving", NEXT.id)
        await pipe.execute()
    parts = await serving.refresh()
    assert parts.index == NEXT
    assert (parts.library.queue.pipeline, parts.library.target.collection) == (NEXT.id, "next")
    assert serving.parts is parts
    await serving.close()
