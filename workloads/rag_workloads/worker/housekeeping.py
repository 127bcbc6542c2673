"""What workers do beside documents: go on with what was left, and now and then compare the stores."""

import asyncio

import structlog

from rag_workloads.library import sweep
from rag_workloads.library.lifecycle import Library

RECOVERY_SECONDS = 30
SWEEP_SECONDS = 3600
# How soon a sweep begins that was asked for.
TICK_SECONDS = 5

log = structlog.get_logger(__name__)


async def run(library: Library) -> None:
    """Do both for ever; of all workers, the one that gets the turn does."""
    while True:
        for duty in (_recover, _sweep):
            try:
                await duty(library)
            except Exception:  # whatever it is, the next look may succeed, and the other duty has its own
                log.exception("housekeeping skipped")
        await asyncio.sleep(TICK_SECONDS)


async def _recover(library: Library) -> None:
    if await library.records.turn("recovery", RECOVERY_SECONDS):
        await library.recover()


async def _sweep(library: Library) -> None:
    asked = await library.records.sweep_asked()
    if asked or await library.records.turn("sweep", SWEEP_SECONDS):
        await sweep.sweep(library, asked=asked)
