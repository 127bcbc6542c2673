"""What the API tells of the pipeline's queues, documents and Redis when it is scraped."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.api_process import lone_api
from tests.integration.redis_process import redis_process
from tests.patience import eventually, patient
from tests.records import new_document

from rag_workloads.jobs.leases import Leases
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.library.records import Records, Target

PIPELINE = "tests.measures"
QUEUE = f"{PIPELINE}:ingest"


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_process(appendonly="yes") as server:
        yield server.connection_url


@pytest.fixture(scope="module")
def api(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    files = tmp_path_factory.mktemp("objects").as_uri()
    with lone_api(PIPELINE=PIPELINE, REDIS_URL=redis_url, STORAGE_URL=files) as url:
        yield url


def scraped(url: str) -> dict[tuple[str, ...], float]:
    """What a scrape tells, by the metric's name and the values of its labels."""
    families = text_string_to_metric_families(patient.get(f"{url}/metrics").text)
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def told(url: str) -> dict[tuple[str, ...], float]:
    """The same, once Redis has answered in the time that it has."""
    return eventually(lambda: seen if has_queues(seen := scraped(url)) else None)


def has_queues(seen: dict[tuple[str, ...], float]) -> bool:
    return any(name == "queue_entries" for name, *_ in seen)


async def test_each_scrape_tells_the_queues_as_they_are(api: str, redis_url: str) -> None:
    queue = Queue.open(redis_url, PIPELINE)
    for number in range(3):
        await queue.enqueue_document("doc", number)
    await Leases(queue.redis, QUEUE).claim(1)
    records = Records(queue.redis, PIPELINE)
    await records.begin(new_document(), Target("lone", 0))
    failed = await records.begin(new_document(document_id="failed", object_key="failed"), Target("lone", 0))
    await records.fail("failed", failed.task, DocumentError(ErrorCode.PDF_CORRUPT, "It is no PDF."))
    seen = told(api)
    states = {state: seen["queue_entries", QUEUE, state] for state in ("waiting", "running", "deferred")}
    assert states == {"waiting": 2, "running": 1, "deferred": 0}
    assert seen["queue_oldest_age_seconds", QUEUE] > 0
    assert seen["queue_entries", f"{PIPELINE}:embed", "waiting"] == 0
    assert (seen["library_documents", "pending"], seen["library_documents", "failed"]) == (1, 1)
    assert seen["library_failed_documents", "PDF_CORRUPT"] == 1
    assert seen["library_failed_documents", "INTERNAL"] == 0
    await queue.close()


def test_redis_tells_its_memory_and_whether_it_writes(api: str) -> None:
    seen = told(api)
    assert seen["redis_memory_bytes", "used"] > 0
    assert seen["redis_memory_bytes", "limit"] == 0
    assert seen["redis_append_only_failing", "write"] == 0
    assert seen["redis_append_only_failing", "rewrite"] == 0


async def test_a_redis_that_is_full_tells_all_the_same(api: str, redis_url: str) -> None:
    queue = Queue.open(redis_url, PIPELINE)
    await queue.redis.config_set("maxmemory", 1)
    try:
        seen = told(api)
        assert seen["redis_memory_bytes", "used"] > seen["redis_memory_bytes", "limit"] == 1
    finally:
        await queue.redis.config_set("maxmemory", 0)
        await queue.close()


async def test_a_redis_that_may_not_be_asked_for_its_state_still_tells_its_queues(
    redis_url: str, tmp_path: Path
) -> None:
    queue = Queue.open(redis_url, PIPELINE)
    await queue.redis.acl_setuser(
        "limited",
        enabled=True,
        passwords="+secret",
        keys="*",
        channels="*",
        categories=["+@all"],
        commands=["-info"],
    )
    await queue.close()
    limited = redis_url.replace("redis://", "redis://limited:secret@")
    with lone_api(REDIS_URL=limited, STORAGE_URL=tmp_path.as_uri()) as url:
        assert "redis_memory_bytes" not in {name for name, *_ in told(url)}


def test_what_redis_does_not_say_is_not_told(tmp_path: Path) -> None:
    settings = {"STORAGE_URL": tmp_path.as_uri()}
    redis = redis_process()
    redis.start()
    with lone_api("/live", REDIS_URL=redis.connection_url, **settings) as url:
        assert told(url)
        redis.stop()
        assert eventually(lambda: not has_queues(scraped(url)))
