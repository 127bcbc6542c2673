"""Raises the queue with many documents and shows KEDA's answer: from one pod to several and back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from rag_cli.client import Client
from rag_cli.patience import patiently
from rag_contract.stats import QueueStats, Stats

from .errors import DemoError
from .ingest import bar
from .pipeline import Pipeline, Replicas
from .steps import Step

# Distinct files; they are uploaded under new ids, again and again, until there are enough pods.
PARTS = 60
ENOUGH_PODS = 3
TIMEOUT = 900.0
SAMPLE_SECONDS = 1.0
FEED_SECONDS = 0.2
MOST_UNPARSED = 2
PART = "part-"


class SpikeFailed(DemoError):
    """The queue rose but something did not follow: pods, or a document."""


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment, in seconds since the first upload."""

    seconds: float
    queue: QueueStats
    replicas: Replicas
    completed: int
    failed: int

    @property
    def ended(self) -> int:
        """Documents to which nothing more will happen."""
        return self.completed + self.failed


@dataclass
class Spike:
    """What was seen of one spike. `enough` is set with the last pod needed, `drained` once all is done."""

    samples: list[Sample] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    drained: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def uploaded(self) -> int:
        """Documents uploaded so far."""
        return len(self.tasks)

    @property
    def peak(self) -> int:
        """The most embedding pods that were ready at the same time."""
        return max(sample.replicas.ready for sample in self.samples)

    @property
    def deepest(self) -> int:
        """The most batches that were in the embedding queue."""
        return max(sample.queue.embed for sample in self.samples)

    @property
    def to_third_pod_seconds(self) -> float | None:
        """Seconds from the first upload until ENOUGH_PODS pods were ready; None when they never were."""
        return next((s.seconds for s in self.samples if s.replicas.ready >= ENOUGH_PODS), None)


async def one_pod(pipeline: Pipeline, step: Step) -> None:
    """Waits until the pods that earlier documents brought have left; raises SpikeFailed after TIMEOUT."""
    while (replicas := await pipeline.replicas()) != Replicas(1, 1):
        step.say(f"{replicas.desired} wanted, {replicas.ready} ready")
        if step.seconds > TIMEOUT:
            raise SpikeFailed(f"still {replicas.ready} embedding pods after {TIMEOUT:.0f} s without work")
        await asyncio.sleep(SAMPLE_SECONDS)


async def run(pipeline: Pipeline, client: Client, files: list[Path], spike: Spike, step: Step) -> None:
    """Uploads files until there are enough pods, and returns when all are completed and one pod is left.

    Raises SpikeFailed for a document that is not completed, or when it is not over after TIMEOUT seconds.
    """
    depth = ENOUGH_PODS * await pipeline.target_queue_length()
    async with _parts_removed(client), asyncio.TaskGroup() as group:
        feeding = group.create_task(_feed(client, files, depth, spike))
        async for sample in _samples(pipeline, client):
            shown = spike.samples[-1].replicas if spike.samples else None
            spike.samples.append(sample)
            step.say(_line(sample, spike))
            if sample.replicas != shown:
                step.log(_line(sample, spike))
            if sample.replicas.ready >= ENOUGH_PODS:
                spike.enough.set()
            if feeding.done() and sample.ended >= spike.uploaded and not spike.drained.is_set():
                await _check(client, spike)
                spike.drained.set()
            if spike.drained.is_set() and sample.replicas == Replicas(1, 1):
                return
            if sample.seconds > TIMEOUT:
                raise SpikeFailed(f"not over after {TIMEOUT:.0f} s: {_line(sample, spike)}")


async def _feed(client: Client, files: list[Path], depth: int, spike: Spike) -> None:
    """Uploads files one by one, so that `depth` batches are queued, until there are enough pods.

    How many that takes depends on the machine, so there is no most: a fast one has emptied any fixed number
    before the autoscaler looks.
    """
    for number, path in enumerate(cycle(files)):
        while not spike.enough.is_set() and _full((await _stats(client)).queue, depth):  # noqa: ASYNC110
            await asyncio.sleep(FEED_SECONDS)
        if spike.enough.is_set():
            return
        spike.tasks.append((await client.upload(path, f"{PART}{number:04}")).task_id)


async def _stats(client: Client) -> Stats:
    """Returns the counts, from an API that may be told to ask later while a store of it is slow."""
    return await patiently(client.stats, lambda _: None)


def _full(queue: QueueStats, depth: int) -> bool:
    return queue.embed >= depth or queue.ingest >= MOST_UNPARSED


async def _check(client: Client, spike: Spike) -> None:
    """Raises SpikeFailed unless every document is completed."""
    for task in spike.tasks:
        status = await client.status(task)
        if status.status != "completed":
            raise SpikeFailed(f"{task}: {status.error or status.status}")


async def _samples(pipeline: Pipeline, client: Client) -> AsyncIterator[Sample]:
    before = (await _stats(client)).documents
    started = time.monotonic()
    while True:
        stats, replicas = await asyncio.gather(_stats(client), pipeline.replicas())
        new = {state: count - before[state] for state, count in stats.documents.items()}
        yield Sample(time.monotonic() - started, stats.queue, replicas, new["completed"], new["failed"])
        await asyncio.sleep(SAMPLE_SECONDS)


@asynccontextmanager
async def _parts_removed(client: Client) -> AsyncIterator[None]:
    """Deletes the parts before (a run that was stopped) and after, so that answers cite the manual alone."""
    await _remove_parts(client)
    yield
    await _remove_parts(client)


async def _remove_parts(client: Client) -> None:
    for document_id in await client.document_ids():
        if document_id.startswith(PART):
            await client.delete(document_id)


def _line(sample: Sample, spike: Spike) -> str:
    depth = sample.queue.embed
    return (
        f"queue {depth:4} {bar(depth, spike.deepest)}  embedding pods {sample.replicas.desired} wanted"
        f" {sample.replicas.ready} ready  documents {sample.completed}/{spike.uploaded} completed"
    )
