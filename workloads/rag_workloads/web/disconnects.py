"""Work that nobody waits for any more stops."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from rag_workloads.web.problems import Problem

T = TypeVar("T")


class ClientLeft(Problem):
    """Nobody reads this answer; its status (nginx's 499) is for metrics and logs."""

    def __init__(self) -> None:
        super().__init__(499, "client-left", "The client left", "The connection closed before the answer.")


async def until_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; if the client leaves, cancel it and raise ClientLeft. The request's body must be read."""
    task = asyncio.create_task(work)
    leaving = asyncio.create_task(_leaving(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientLeft
        return task.result()
    finally:
        leaving.cancel()
        task.cancel()
        await asyncio.wait({task, leaving})


async def _leaving(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
