"""Which index the API answers from: the one that Redis names, and the last one known while Redis is away."""

import asyncio
from typing import Annotated

import structlog
from fastapi import Depends, Request
from redis.exceptions import RedisError

from rag_contract.environment.api import ApiSettings
from rag_contract.index import Index
from rag_workloads.api.parts import Parts
from rag_workloads.library.indexes import Decision, Known
from rag_workloads.library.lifecycle import Library
from rag_workloads.web.problems import Unavailable

# How soon a question is answered from another index, of those that nobody wrote to since.
REFRESH_SECONDS = 1
# For which a request waits for a Redis that restarts. One that stands still would hold it, and a pod that is
# to stop, for minutes.
REDIS_SECONDS = 10

log = structlog.get_logger(__name__)


class Serving:
    """The parts of the API, around the index that answers."""

    def __init__(self, settings: ApiSettings) -> None:
        self.parts = Parts.open(settings)
        self._before: list[Parts] = []
        self._decision = Decision(settings.indexes_decided, self.parts.index, settings.next_index)

    async def announce(self) -> None:
        """Tell all processes what the operator decided, unless it has decided anew since."""
        await self.parts.library.indexes.decide(self._decision)

    async def refresh(self) -> Parts:
        """The parts as they are to be now. Errors are redis-py's."""
        known = await self.parts.library.indexes.known()
        if known is None or known.decided < self._decision.number:  # Redis is new, or lost what it had last
            await self.announce()
        if known:
            self._move(known)
        return self.parts

    async def library(self) -> Library:
        """The library of the index that answers. Errors are redis-py's."""
        return (await self.refresh()).library

    async def watch(self) -> None:
        """Refresh for ever, for those who ask without."""
        while True:
            try:
                await self.refresh()
            except (RedisError, OSError) as error:
                log.warning("it is not known whether another index answers", reason=str(error))
            except Exception:  # whatever it is, the next look may succeed
                log.exception("it is not known whether another index answers")
            await asyncio.sleep(REFRESH_SECONDS)

    async def close(self) -> None:
        """Close all connections."""
        for parts in self._before:
            await parts.close_index()
        await self.parts.close()

    def _named(self, known: Known) -> Index:
        """The index that answers, as this process was told of it unless something was decided since."""
        number, serving, following = self._decision
        mine = {index.id: index for index in (serving, following) if index and known.decided <= number}
        return mine.get(known.serving) or known.indexes[known.serving]

    def _move(self, known: Known) -> None:
        index = self._named(known)
        if index == self.parts.index:
            return
        before, self.parts = self.parts, self.parts.around(index)
        # Requests that run end with what they began with; who listens comes back.
        self._before.append(before)
        before.listeners.end()
        log.info("another index answers", index=index.id, collection=index.collection)


async def serving_of(request: Request) -> Serving:
    """A dependency: what the app that serves this request answers from."""
    serving: Serving = request.app.state.serving
    return serving


ServingOf = Annotated[Serving, Depends(serving_of)]


async def parts_at_hand(serving: ServingOf) -> Parts:
    """A dependency: the parts as they were a moment ago, for what needs no Redis."""
    return serving.parts


async def parts_now(serving: ServingOf) -> Parts:
    """A dependency: the parts as they are, for what reads and writes records. Raises Unavailable."""
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            return await serving.refresh()
    except TimeoutError as error:
        raise Unavailable("queue", f"Redis did not answer in {REDIS_SECONDS} seconds.") from error


PartsAtHand = Annotated[Parts, Depends(parts_at_hand)]
PartsOf = Annotated[Parts, Depends(parts_now)]
