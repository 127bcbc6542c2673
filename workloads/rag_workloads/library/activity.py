"""What a pipeline does now and did in the last hour: its queues, who works on them, and documents by minute.

While documents are embedded anew for another index, the queues and consumers of that one count too.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel

from rag_contract import names
from rag_workloads.jobs.lines import Doing, Line, Lines, Queued
from rag_workloads.jobs.payloads import parse_job_id
from rag_workloads.jobs.presence import Presence
from rag_workloads.library.documents import Document, ErrorCode, State
from rag_workloads.library.minutes import Minute, Minutes
from rag_workloads.library.record_reader import Filter, RecordReader
from rag_workloads.library.stores import Stores

QueueName = Literal["ingest", "embed"]

QUEUES: dict[QueueName, Callable[[str], str]] = {"ingest": names.ingest_queue, "embed": names.embed_queue}
ENTRIES = 50
ORDER: list[Doing] = ["running", "waiting", "deferred"]


class Entry(BaseModel):
    """A document that is to be read, or a `batch` of one (from 0) that is to be embedded.

    `attempts` counts those since it last got further, with the one that runs.
    """

    document_id: str
    file_name: str
    state: Doing
    age_seconds: float
    attempts: int
    batch: int | None


class QueueActivity(BaseModel):
    """A queue by what its entries do, with the first of them: those that run, that wait, that are put off.

    `failed` are the documents that have failed in it. `oldest_seconds` is for how long the entry that waits
    longest might have been taken.
    """

    name: QueueName
    waiting: int
    running: int
    deferred: int
    failed: int
    oldest_seconds: float
    entries: list[Entry]


class Consuming(BaseModel):
    """A pod that takes entries of a queue: how many it runs, as it told `seen_seconds` ago."""

    name: str
    queue: QueueName
    running: int
    seen_seconds: float


class EmbeddingActivity(BaseModel):
    """How many embedding pods take batches."""

    replicas: int


class Activity(BaseModel):
    """What the pipeline does; `minutes` has the last hour, the present minute at its end."""

    queues: list[QueueActivity]
    workers: list[Consuming]
    embedding: EmbeddingActivity
    minutes: list[Minute]


class Job(NamedTuple):
    """An entry of a queue, and what its job is about."""

    queued: Queued
    document_id: str
    generation: int
    batch: int | None


async def look(stores: Stores) -> Activity:
    """What the pipeline does whose index answers from these stores. Errors are redis-py's."""
    at_work = await stores.at_work()
    workers = [each for name in QUEUES for each in await _consumers(at_work, name)]
    return Activity(
        queues=[await _queue(at_work, name) for name in QUEUES],
        workers=workers,
        embedding=EmbeddingActivity(replicas=sum(each.queue == "embed" for each in workers)),
        minutes=await _minutes(stores).last(),
    )


async def sample(stores: Stores) -> None:
    """Note for the present minute how deep the embed queue is, and how many pods take batches."""
    at_work = await stores.at_work()
    depths = [await each.queue.depths() for each in at_work]
    replicas = len(await _consumers(at_work, "embed"))
    await _minutes(stores).sample(sum(each.embed for each in depths), replicas)


def _minutes(stores: Stores) -> Minutes:
    return Minutes(stores.queue.redis, stores.queue.pipeline)


async def _consumers(at_work: Sequence[Stores], name: QueueName) -> list[Consuming]:
    queues = [Presence(each.queue.redis, QUEUES[name](each.queue.pipeline)) for each in at_work]
    found = [present for queue in queues for present in await queue.now()]
    return [Consuming(queue=name, **present._asdict()) for present in found]


async def _queue(at_work: Sequence[Stores], name: QueueName) -> QueueActivity:
    lines, entries = list[Line](), list[Entry]()
    for stores in at_work:
        queue = QUEUES[name](stores.queue.pipeline)
        lines.append(line := await Lines(stores.queue.redis).of(queue, ENTRIES))
        entries += await _entries(stores.records, _jobs(queue, line.first))
    entries.sort(key=lambda entry: (ORDER.index(entry.state), -entry.age_seconds))
    return QueueActivity(
        name=name,
        waiting=sum(line.waiting for line in lines),
        running=sum(line.running for line in lines),
        deferred=sum(line.deferred for line in lines),
        failed=await _failed(at_work[0].records, name),
        oldest_seconds=max(line.oldest_seconds for line in lines),
        entries=entries[:ENTRIES],
    )


async def _failed(records: RecordReader, name: QueueName) -> int:
    in_embed = await records.total(Filter(error_code=ErrorCode.EMBEDDING_FAILED)) or 0
    return in_embed if name == "embed" else (await records.counts())[State.FAILED] - in_embed


def _jobs(queue: str, first: Sequence[Queued]) -> list[Job]:
    jobs = []
    for queued in first:
        with contextlib.suppress(ValueError):  # consumers set aside what is no job
            jobs.append(Job(queued, *parse_job_id(queue, queued.job_id)))
    return jobs


async def _entries(records: RecordReader, jobs: Sequence[Job]) -> list[Entry]:
    documents = await records.look([job.document_id for job in jobs])
    batches = [(job.document_id, job.generation, job.batch) for job in jobs if job.batch is not None]
    failures = dict(zip(batches, await records.batch_failures(batches), strict=True))
    found = list[Entry]()
    for (queued, document_id, generation, batch), document in zip(jobs, documents, strict=True):
        if not isinstance(document, Document):  # deleted, or of another release: its job finds that out
            continue
        attempts = document.attempts
        if batch is not None:
            attempts = failures[document_id, generation, batch] + (queued.doing == "running")
        found.append(
            Entry(
                document_id=document_id,
                file_name=document.file_name,
                state=queued.doing,
                age_seconds=queued.age_seconds,
                attempts=attempts,
                batch=batch,
            )
        )
    return found
