"""Follows many documents to their ends by one stream of events."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from rag_cli.answers import ENDED, Event, Status
from rag_cli.client import Client, Told
from rag_cli.errors import AWAY
from rag_cli.patience import LATER, patiently

AGAIN_SECONDS = 1
# Attempts to open the stream, one after another, before the API counts as away.
MOST_ATTEMPTS = 30


@dataclass(eq=False)
class Followed:
    """A task that somebody waits for; `woken` when its status is to be read."""

    task_id: str
    tell: Callable[[Event], None]
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Follower:
    """Tells when documents end; `listen` must run meanwhile, and `listening` be set before they are sent."""

    def __init__(self, client: Client, say: Callable[[str], None]) -> None:
        self._client, self._say = client, say
        self._followed: defaultdict[str, set[Followed]] = defaultdict(set)
        self.listening = asyncio.Event()

    async def end(self, document_id: str, task_id: str, tell: Callable[[Event], None]) -> Status | None:
        """Return the status of a task once it has ended, None if its document is gone."""
        followed = Followed(task_id, tell)
        self._followed[document_id].add(followed)
        while (status := await self._status(task_id)) and not status.ended:
            await followed.woken.wait()
            followed.woken.clear()
        self._followed[document_id].discard(followed)
        return status

    async def listen(self) -> None:
        """Listen until cancelled; a stream that breaks is taken up where it was: no event is missed."""
        place, attempts = "", 0
        while True:
            try:
                async with self._client.events(place) as stream:
                    async for told in stream:
                        place, attempts = told.place or place, 0
                        self.listening.set()
                        self._hear(told)
            except httpx.HTTPError as error:
                attempts += 1
                if self._is_final(error) or attempts == MOST_ATTEMPTS:
                    raise
            await asyncio.sleep(AGAIN_SECONDS)

    def _is_final(self, error: httpx.HTTPError) -> bool:
        """Return whether it is of no use to try again: it was refused, or nothing has ever answered there."""
        if isinstance(error, httpx.HTTPStatusError):
            return error.response.status_code not in AWAY | LATER
        return not self.listening.is_set()

    def _hear(self, told: Told) -> None:
        if told.lost:
            for each in itertools.chain.from_iterable(self._followed.values()):
                each.woken.set()
        if event := told.event:
            for each in self._followed.get(event.document_id, ()):
                each.tell(event)
                if event.status in ENDED or event.task_id != each.task_id:
                    each.woken.set()

    async def _status(self, task_id: str) -> Status | None:
        try:
            return await patiently(lambda: self._client.status(task_id), self._say)
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                return None
            raise
