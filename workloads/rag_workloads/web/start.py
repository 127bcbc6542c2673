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

    def __init__(
        self, tell: Callable[[Exception | None], Awaitable[None]], *refusals: type[Exception]
    ) -> None:
        """`tell` is called with what keeps the start, and with None when nothing does any more.

        `refusals` are errors that will not pass by themselves.
        """
        self._tell, self._refusals = tell, refusals
        self.reason = ""

    async def take(self, reason: str, step: Callable[[], Awaitable[T]]) -> T:
        """Take a step until it works; raises a refusal. `reason` holds until there is an error to tell."""
        self.reason = reason
        failed = False
        while True:
            try:
                taken = await step()
            except self._refusals:
                raise
            except Exception as error:
                failed, self.reason = True, str(error) or type(error).__name__
                log.error("cannot start yet", reason=self.reason)
                await self._tell(error)
                await asyncio.sleep(RESTART_SECONDS)
            else:
                if failed:
                    await self._tell(None)
                return taken
