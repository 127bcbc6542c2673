"""What workers do beside documents: go on with what was left, and now and then compare the stores."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from rag_workloads.jobs.redis_errors import AWAY
from rag_workloads.library import sweep
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.vectors import VectorStoreAway

RECOVERY_SECONDS = 30
SWEEP_SECONDS = 3600
# How soon a sweep begins that was asked for.
TICK_SECONDS = 5
# After which it begins again, if nobody has told its end: a worker that took it up may have died.
ANSWER_SECONDS = 300

log = structlog.get_logger(__name__)


async def run(library: Library) -> None:
    """Do both for ever, side by side; of all workers, the one that gets the turn does."""
    await asyncio.gather(_repeat(_recover, library), _repeat(_sweep, library))


async def _repeat(duty: Callable[[Library], Awaitable[None]], library: Library) -> None:
    while True:
        try:
            await duty(library)
        except (*AWAY, VectorStoreAway) as error:
            log.warning("housekeeping put off", reason=str(error))
        except Exception:  # whatever it is, the next look may succeed
            log.exception("housekeeping skipped")
        await asyncio.sleep(TICK_SECONDS)


async def _recover(library: Library) -> None:
    if await library.chores.turn("recovery", RECOVERY_SECONDS):
        await library.recover()


async def _sweep(library: Library) -> None:
    chores = library.chores
    asked = await chores.sweep_asked()
    answering = asked is not None and await chores.turn(f"sweep:{asked}", ANSWER_SECONDS)
    if not (answering or await chores.turn("sweep", SWEEP_SECONDS)):
        return
    await sweep.sweep(library, asked=answering)
    if asked and answering:
        await chores.sweep_answered(asked)
