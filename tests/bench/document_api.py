"""What the API promises of many documents, of a long one, and to those who follow them."""

import math
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import httpx
from demo import corpus
from demo.steps import Step, Steps

from rag_contract.environment.worker import WorkerSettings
from rag_standins.models.minilm import write_minilm
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.records import Records
from tests.bench.reindex import reindex_figures
from tests.event_streams import events_missed_after_resume
from tests.integration.api_process import lone_api
from tests.integration.redis_process import redis_process
from tests.lists import every_list, fill, read_list
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port
from tests.workers import Killed, killed_on_the_way

PIPELINE = "bench"
RECORDS = 100_000
# Of the manual's 240 batches: they end some way after page 900.
ROOM = 100
EVENTS, CUTS = 5000, 250


async def measure(steps: Steps, records: int = RECORDS) -> dict[str, object]:
    """Returns the figures of docs/benchmarks/document-api.json."""
    with steps.step(f"Lists of {records} documents") as step:
        seconds = await _page_seconds(records, step)
    with steps.step("A worker is killed within a long document, and another goes on") as step:
        killed = await _killed_on_the_way()
        step.log(f"{killed.read_again} pages are read again, after page {killed.page}")
    with steps.step("A client leaves and comes back, to either of two replicas") as step:
        missed = await _events_missed()
        step.log(f"{missed} of {EVENTS} events missed in {CUTS} cuts")
    return {
        "records": records,
        "list_100k_p95_ms": _p95_ms([each for pages in seconds.values() for each in pages]),
        "list_p95_ms": {name: _p95_ms(pages) for name, pages in seconds.items()},
        "killed_at_page": killed.page,
        "pages_read_again": killed.read_again,
        "events_missed_after_resume": missed,
        **await reindex_figures(steps),
    }


async def _page_seconds(count: int, step: Step) -> dict[str, list[float]]:
    """Reads every list to its end; returns the seconds of each page, by list."""
    seconds = {}
    with redis_process() as redis, _api(redis.connection_url) as url:
        async with _records(redis.connection_url) as records:
            await fill(records, count)
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as api:
            for name, wanted in (await every_list(api, count)).items():
                pages = await read_list(api, wanted)
                if pages.numbers != wanted.numbers:
                    raise RuntimeError(f"the list by {name} does not show what it must")
                seconds[name] = pages.seconds
                step.log(f"{name}: {len(pages.seconds)} pages, 95 of 100 within {_p95_ms(pages.seconds)} ms")
    return seconds


async def _killed_on_the_way() -> Killed:
    """Has a worker read the reference of the language R, and kills it on the way."""
    with tempfile.TemporaryDirectory() as name, redis_process() as redis:
        write_minilm(Path(name))
        settings = WorkerSettings(
            pipeline=PIPELINE,
            redis_url=redis.connection_url,
            qdrant_url="http://127.0.0.1:1",
            qdrant_collection=PIPELINE,
            storage_url=f"file://{name}/objects",
            embedding_model="all-MiniLM-L6-v2",
            model_path=Path(name),
            max_batches_in_flight=ROOM,
            time_limit_seconds=24 * 3600,
            port=free_port(),
        )
        library = Library.open(settings, None)
        await library.claim(settings.owner)
        killed = await killed_on_the_way(library, settings, await corpus.r_manual())
        await library.close()
    return killed


async def _events_missed() -> int:
    with redis_process() as redis, _api(redis.connection_url) as url, _api(redis.connection_url) as other:
        async with _records(redis.connection_url) as records:
            return await events_missed_after_resume([url, other], records, events=EVENTS, cuts=CUTS)


def _api(redis_url: str) -> AbstractContextManager[str]:
    return lone_api(PIPELINE=PIPELINE, REDIS_URL=redis_url, STORAGE_URL="memory:///")


@asynccontextmanager
async def _records(redis_url: str) -> AsyncIterator[Records]:
    queue = Queue.open(redis_url, PIPELINE)
    yield Records(queue.redis, PIPELINE)
    await queue.close()


def _p95_ms(seconds: list[float]) -> float:
    """The milliseconds that 95 of 100 do not exceed."""
    return round(sorted(seconds)[math.ceil(len(seconds) * 0.95) - 1] * 1000, 1)
