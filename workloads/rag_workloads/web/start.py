"""The start of a service whose probes are answered meanwhile: what it needs may not be there yet."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

RESTART_SECONDS = 3

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Start:
    """Takes the steps of a start. `reason` says, in words for a human, what the present one waits for."""

    def __init__(self, *refusals: type[Exception]) -> None:
        """`refusals` are errors that will not pass by themselves."""
        self._refusals = refusals
        self.reason = ""

    async def take(self, reason: str, step: Callable[[], Awaitable[T]]) -> T:
        """Take a step until it works; raises a refusal. `reason` holds until there is an error to tell."""
        self.reason = reason
        while True:
            try:
                return await step()
            except self._refusals:
                raise
            except Exception as error:
                self.reason = str(error) or type(error).__name__
                log.error("cannot start yet", reason=self.reason)
                await asyncio.sleep(RESTART_SECONDS)
