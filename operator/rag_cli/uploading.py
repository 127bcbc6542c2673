"""Uploads files, a few at a time, and follows each document to its end.

Nothing is sent twice, and nothing is noted on this side for that: the id of a document follows from its
bytes, so that the API is asked for it before they are sent. What Ctrl-C or a lost connection has stopped goes
on when the same command is given again. There is no Idempotency-Key, with which the API would answer for a
document that has failed meanwhile what it did at first, and not try it again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import httpx
from pydantic import BaseModel

from rag_cli.answers import Failure, Result, State
from rag_cli.board import Board
from rag_cli.client import Client
from rag_cli.errors import NO, problem
from rag_cli.files import digest, shown
from rag_cli.following import Follower
from rag_cli.patience import patiently
from rag_contract.document_ids import of_content

# The API takes 16 for each of its pods.
AT_ONCE = 4


class Outcome(BaseModel):
    """What became of a file; `known` were its bytes if they did not have to be sent."""

    path: Path
    status: State | Literal["refused", "deleted"]
    known: bool = False
    document_id: str | None = None
    task_id: str | None = None
    result: Result | None = None
    error: Failure | None = None

    @property
    def bad(self) -> bool:
        """Whether the file did not become a document, nor will."""
        return self.status in ("failed", "cancelled", "refused", "deleted")


class Sent(NamedTuple):
    """A file that the API has."""

    document_id: str
    task_id: str
    status: State
    known: bool


class Uploading:
    """The upload of some files; with a document id it is one, which takes the place of what has that id."""

    def __init__(self, client: Client, board: Board, document_id: str = "") -> None:
        self._client, self._board, self._document_id = client, board, document_id
        self._slots = asyncio.Semaphore(AT_ONCE)
        # Files of the same bytes go one after the other, so that the second is known.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def send(self, files: Sequence[Path]) -> list[Outcome]:
        """Send files, and return what the API said at once."""
        return await asyncio.gather(*(self._outcome(path, None) for path in files))

    async def send_and_follow(self, files: Sequence[Path]) -> list[Outcome]:
        """Send files, and return what became of them once all have ended."""
        async with asyncio.TaskGroup() as group:
            follower = Follower(self._client, self._board.say)
            listening = group.create_task(follower.listen())
            await follower.listening.wait()
            outcomes = await asyncio.gather(*(self._outcome(path, follower) for path in files))
            listening.cancel()
        return outcomes

    async def _outcome(self, path: Path, follower: Follower | None) -> Outcome:
        try:
            async with self._slots:
                sent = await self._sent(path)
        except OSError as error:
            return self._refused(path, "unreadable", str(error))
        except httpx.HTTPStatusError as error:
            if error.response.is_server_error or error.response.status_code in NO:
                raise
            return self._refused(path, str(error.response.status_code), problem(error.response))
        self._board.sent(path)
        outcome = Outcome(path=Path(shown(path)), **sent._asdict())
        return await self._end(path, outcome, follower) if follower else outcome

    async def _end(self, path: Path, outcome: Outcome, follower: Follower) -> Outcome:
        """Return what became of a file that the API has."""
        document_id, task_id = outcome.document_id or "", outcome.task_id or ""
        status = await follower.end(document_id, task_id, lambda event: self._board.move(path, event))
        self._board.end(path)
        if status is None:
            return outcome.model_copy(update={"status": "deleted"})
        ended = {"status": status.status, "result": status.result, "error": status.error}
        return outcome.model_copy(update=ended)

    async def _sent(self, path: Path) -> Sent:
        """Send a file, unless the API has its bytes, and did not fail with them."""
        sha256 = await asyncio.to_thread(digest, path)
        document_id = self._document_id or of_content(sha256)
        async with self._turns[document_id]:
            known = await patiently(lambda: self._client.document(document_id), self._board.say)
            if known and known.sha256 == sha256 and known.state not in ("failed", "cancelled"):
                return Sent(document_id, known.task_id, known.state, known=True)
            uploaded = await patiently(
                lambda: self._client.upload(path, self._document_id or None), self._board.say
            )
            # By the bytes that came: the file may have changed since they were looked at.
            sent = uploaded.document_id, uploaded.task_id, uploaded.status
            return Sent(*sent, known=not uploaded.changed)

    def _refused(self, path: Path, code: str, message: str) -> Outcome:
        """Return the outcome of a file that was not taken; it keeps no other from being taken."""
        self._board.end(path)
        return Outcome(path=Path(shown(path)), status="refused", error=Failure(code=code, message=message))
