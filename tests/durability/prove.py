"""The proof: documents through a pipeline whose parts die, restart and are away, against one left alone."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Protocol

from demo.steps import Step, Steps

from rag_cli.client import Client
from rag_workloads import tasks
from tests.durability.answers import Answers, ask, differences, questions
from tests.durability.stores import Expected, Findings, Stores, compare
from tests.durability.uploads import Uploads, answered, upload_twice

SEED = 7
KILLED = ("worker", "embedding")
RESTARTED = ("redis", "qdrant")
RESTARTS = 2
POLL_SECONDS = 0.5
# Longer than any pause of the pipeline's own: what does not move for so long will not.
STALL_SECONDS = 900
# As long again as a lease, an unfinished step and the next look for it may take together.
SETTLE_SECONDS = 300


class Site(Protocol):
    """Where a pipeline runs whose parts can be harmed; whatever is killed comes back by itself."""

    async def kill(self, component: str, chance: random.Random) -> None:
        """Sends SIGKILL to one of a component's processes."""

    async def restart(self, store: str) -> None:
        """Ends `redis` or `qdrant` and starts it anew on what it has stored."""

    async def qdrant_away(self, seconds: float) -> None:
        """Lets nobody reach Qdrant for so long."""

    async def cut_replies(self, every: int | None) -> None:
        """Loses every nth reply of Redis, after its command ran; None loses none."""

    def stores(self) -> AbstractAsyncContextManager[Stores]:
        """Opens the three stores, past the pipeline."""


@dataclass(frozen=True)
class Plan:
    """How much harm is done: SIGKILLs in all, seconds without Qdrant, one of how many replies is lost."""

    kills: int
    away_seconds: float
    cut_every: int = 50


@dataclass(frozen=True)
class Fault:
    """Something that happens once so many documents have ended."""

    after: int
    what: str
    act: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Outcome:
    """What is left of it all in the end."""

    documents: int
    completed: int
    findings: Findings
    tasks_apart: list[str]
    answers_apart: list[str]
    refusals: Counter[str]

    @property
    def wrong(self) -> list[str]:
        """Everything that is not as it should be, in words."""
        return [*self.findings.all, *self.tasks_apart, *self.answers_apart]


async def prove(site: Site, client: Client, files: list[Path], plan: Plan, steps: Steps) -> Outcome:
    """Runs all documents through the site twice: left alone and deleted again, then with faults."""
    with steps.step("Cut the documents into the chunks that are expected"):
        expected = {path.stem: await asyncio.to_thread(Expected.of, path) for path in files}
    asked = questions(expected, SEED)
    undisturbed = await _undisturbed(site, client, files, asked, steps)
    uploads, chance = Uploads(), random.Random(SEED)
    with steps.step(f"{len(files)} documents, with faults") as step:
        await site.cut_replies(plan.cut_every)
        uploading = asyncio.create_task(upload_twice(client, files, uploads))
        for fault in _faults(site, len(files), plan, chance):
            await _ended(client, uploads, fault.after, step)
            step.log(fault.what)
            await fault.act()
            tasks.check(uploading)
        await uploading
        await _ended(client, uploads, len(files), step)
        await site.cut_replies(None)
    return await _look(site, client, expected, undisturbed, asked, uploads, steps)


async def _undisturbed(
    site: Site, client: Client, files: list[Path], asked: list[str], steps: Steps
) -> Answers:
    """What a site that nobody harms answers; its documents are deleted, and must leave nothing behind."""
    uploads = Uploads()
    with steps.step(f"{len(files)} documents, undisturbed") as step:
        await upload_twice(client, files, uploads)
        await _ended(client, uploads, len(files), step)
    answers = await ask(client, asked)
    for path in files:
        await client.delete(path.stem)
    if left := (await _settled(site, {})).all:
        raise AssertionError(f"what a deletion left behind: {left}")
    return answers


async def _look(
    site: Site,
    client: Client,
    expected: Mapping[str, Expected],
    undisturbed: Answers,
    asked: list[str],
    uploads: Uploads,
    steps: Steps,
) -> Outcome:
    with steps.step("Compare the three stores, and ask"):
        findings = await _settled(site, expected)
        for document_id, each in expected.items():
            seen = [(c.chunk_id, c.page, c.text) for c in await client.chunks(document_id)]
            if seen != each.passages:
                findings.lost.append(
                    f"what searches see of {document_id}: {len(seen)} of {len(each.passages)}"
                )
        answers = await ask(client, asked)
        documents = (await client.stats()).documents
    return Outcome(
        documents=len(expected),
        completed=documents["completed"],
        findings=findings,
        tasks_apart=[f"{name} has tasks {found}" for name, found in uploads.tasks.items() if len(found) != 1],
        answers_apart=differences(undisturbed, answers),
        refusals=uploads.refusals,
    )


async def _settled(site: Site, expected: Mapping[str, Expected]) -> Findings:
    """Compares the stores until they agree: leases of the dead end, and what broke off is gone on with."""
    started = time.monotonic()
    while True:
        async with site.stores() as stores:
            findings = await compare(stores, expected)
        if not findings.all or time.monotonic() - started > SETTLE_SECONDS:
            return findings
        await asyncio.sleep(POLL_SECONDS)


async def _ended(client: Client, uploads: Uploads, count: int, step: Step) -> None:
    """Waits until so many documents are completed or failed; raises TimeoutError when nothing moves."""
    seen, moved = None, time.monotonic()
    while True:
        stats = await answered(client.stats, uploads.refusals)
        ended = stats.documents["completed"] + stats.documents["failed"]
        now = f"{ended} ended, {stats.queue.ingest} documents and {stats.queue.embed} batches wait"
        step.say(now)
        if ended >= count:
            return
        if now != seen:
            seen, moved = now, time.monotonic()
        elif time.monotonic() - moved > STALL_SECONDS:
            raise TimeoutError(f"nothing has moved for {STALL_SECONDS} s: {now}")
        await asyncio.sleep(POLL_SECONDS)


def _faults(site: Site, documents: int, plan: Plan, chance: random.Random) -> Iterator[Fault]:
    """All faults in order, at moments that the generator chooses before the last document ends."""
    acts: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        (f"Qdrant is away for {plan.away_seconds:.0f} s", partial(site.qdrant_away, plan.away_seconds))
    ]
    acts += [(f"restart {store}", partial(site.restart, store)) for store in RESTARTED] * RESTARTS
    for _, component in zip(range(plan.kills), cycle(KILLED), strict=False):
        acts.append((f"kill {component}", partial(site.kill, component, chance)))
    moments = sorted(chance.randrange(documents) for _ in acts)
    chance.shuffle(acts)
    for after, (what, act) in zip(moments, acts, strict=True):
        yield Fault(after, what, act)
