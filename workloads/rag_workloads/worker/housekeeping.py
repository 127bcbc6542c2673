"""What workers do beside documents: go on with what was left, note how deep the queue is, compare the stores.

Those of an index that is to answer have it follow the one that does; those of the one that does drop what is
wanted no more.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from rag_contract.index import revision_of
from rag_workloads.jobs.redis_errors import AWAY, IndexRetired
from rag_workloads.library import activity, sweep
from rag_workloads.library.collections import VectorStoreAway
from rag_workloads.library.dropping import drop_unwanted
from rag_workloads.library.following import Follower
from rag_workloads.library.lifecycle import Library

RECOVERY_SECONDS = 30
SWEEP_SECONDS = 3600
# How soon a sweep begins that was asked for.
TICK_SECONDS = 5
# How soon what is uploaded or deleted reaches an index that follows.
FOLLOW_SECONDS = 1
# After which it begins again, if nobody has told its end: a worker that took it up may have died.
ANSWER_SECONDS = 300

log = structlog.get_logger(__name__)


async def run(library: Library, index_grace_seconds: float) -> None:
    """Do all for ever, side by side; of all workers, the one that gets the turn does."""

    async def drop(library: Library) -> None:
        await drop_unwanted(library, index_grace_seconds)

    duties = [_repeat(duty, library, TICK_SECONDS) for duty in (_recover, _sweep, _sample, drop)]
    if revision_of(library.queue.pipeline):  # the first index follows none
        duties.append(_repeat(_follow, library, FOLLOW_SECONDS))
    await asyncio.gather(*duties)


async def _repeat(duty: Callable[[Library], Awaitable[None]], library: Library, seconds: float) -> None:
    while True:
        try:
            await duty(library)
        except IndexRetired:
            log.info("this index takes nothing in any more")
        except (*AWAY, VectorStoreAway) as error:
            log.warning("housekeeping put off", reason=str(error))
        except Exception:  # whatever it is, the next look may succeed
            log.exception("housekeeping skipped")
        await asyncio.sleep(seconds)


async def _recover(library: Library) -> None:
    if await library.chores.turn("recovery", RECOVERY_SECONDS):
        await library.recover()


async def _follow(library: Library) -> None:
    if not await library.chores.turn("follow", FOLLOW_SECONDS):
        return
    known, index = await library.indexes.known(), library.queue.pipeline
    if known and (leader := known.leader_of(index)):
        follower = Follower(library, known.indexes[index], leader)
        if not await follower.advance():
            await follower.switch()


async def _sample(library: Library) -> None:
    answers = await library.indexes.answers(library.queue.pipeline)
    if answers and await library.chores.turn("sample", TICK_SECONDS):
        await activity.sample(library)


async def _sweep(library: Library) -> None:
    chores = library.chores
    asked = await chores.sweep_asked()
    answering = asked is not None and await chores.turn(f"sweep:{asked}", ANSWER_SECONDS)
    if not (answering or await chores.turn("sweep", SWEEP_SECONDS)):
        return
    await sweep.sweep(library, asked=answering)
    if asked and answering:
        await chores.sweep_answered(asked)
