"""Takes back the attempts that ended by nobody's fault, be Redis away when they end."""

from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from rag_workloads.jobs.redis_errors import AWAY
from rag_workloads.library.lifecycle import Library

log = structlog.get_logger(__name__)


class Attempt(NamedTuple):
    """One time that this worker took a document up."""

    document_id: str
    token: str


class Attempts:
    """The attempts that this worker owes: only its death makes one count that was nobody's fault."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._owed: set[Attempt] = set()

    async def give_back(self, attempt: Attempt) -> None:
        """Take back an attempt, and all that are owed. If Redis is `AWAY`, raise that, and owe it."""
        self._owed.add(attempt)
        await self.settle()

    async def settle(self) -> None:
        """Take back what is owed. If Redis is `AWAY`, raise that, and go on owing it."""
        while self._owed:
            attempt = next(iter(self._owed))
            try:
                await self._library.give_back(*attempt)
            except AWAY:
                raise
            except RedisError as error:  # time does not mend it
                log.error("attempt not taken back", document_id=attempt.document_id, reason=str(error))
            self._owed.discard(attempt)
