"""The comparison of the three stores, so that the proof which trusts it does so rightly."""

import uuid

from qdrant_client import AsyncQdrantClient, models
from tests.durability.stores import Expected, Passage, Stores, compare
from tests.integration.conftest import PIPELINE

from rag_workloads.jobs.queue import Queue

PASSAGE = Passage("proof-0000_chunk_0", 1, "A text.")
RECORD = {"state": "completed", "object_key": "documents/proof-0000/1"}


async def test_all_that_differs_is_found(queue: Queue, qdrant_url: str) -> None:
    files = {"documents/proof-0000/1": "digest"}
    expected = {"proof-0000": Expected([PASSAGE], "digest")}
    qdrant, collection = AsyncQdrantClient(url=qdrant_url, check_compatibility=False), f"c-{uuid.uuid4().hex}"
    await qdrant.create_collection(collection, models.VectorParams(size=1, distance=models.Distance.DOT))

    async def all_files() -> dict[str, str]:
        return files

    async def put(number: int, **change: object) -> None:
        payload = PASSAGE._asdict() | change
        await qdrant.upsert(collection, [models.PointStruct(id=number, vector=[1.0], payload=payload)])

    stores = Stores(queue.redis, qdrant, PIPELINE, collection, all_files)
    missing = (await compare(stores, expected)).all
    assert {each.split(":")[0] for each in missing} == {"lost", "orphan"}
    for name in ("docs", "docs:completed", f"docs:in:{collection}"):
        await queue.redis.zadd(f"{PIPELINE}:{name}", {"proof-0000": 1})
    async with queue.redis.pipeline() as pipe:
        pipe.hset(f"{PIPELINE}:doc:proof-0000", mapping=RECORD)
        await pipe.execute()
    await put(0)
    assert (await compare(stores, expected)).all == []

    await put(1)
    await put(2, text="Another text.")
    files["documents/proof-0009/1"] = "other"
    await queue.redis.zadd(f"{PIPELINE}:docs:work", {"proof-0000": 1})
    await queue.redis.set(f"{PIPELINE}:doc:proof-0000:7:done", "1")
    await queue.redis.set(f"{PIPELINE}:upload:proof-0000", "1", ex=60)
    assert sorted((await compare(stores, expected)).all) == [
        "orphan: file documents/proof-0009/1",
        f"orphan: key {PIPELINE}:doc:proof-0000:7:done",
        "orphan: point of proof-0000_chunk_0",
        f"orphan: proof-0000 in {PIPELINE}:docs:work",
        "repeated: point of proof-0000_chunk_0",
    ]
    await qdrant.delete_collection(collection)
    await qdrant.close()
