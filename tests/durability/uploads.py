"""Uploads as impatient clients send them: every document twice at once, until it has an answer."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from rag_cli.client import Client

AT_ONCE = 4
PAUSE_SECONDS = 0.5

T = TypeVar("T")


@dataclass
class Uploads:
    """What came of them: the tasks that each document was given, which must be one, and refusals by kind."""

    tasks: dict[str, set[str]] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)


async def upload_twice(client: Client, files: list[Path], uploads: Uploads) -> None:
    """Uploads all files, some at a time, and each of them twice at the same time."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def twice(path: Path) -> None:
        async with slots:
            both = [answered(lambda: client.upload(path, path.stem), uploads.refusals) for _ in range(2)]
            uploads.tasks[path.stem] = {each.task_id for each in await asyncio.gather(*both)}

    await asyncio.gather(*map(twice, files))


async def answered(ask: Callable[[], Awaitable[T]], refusals: Counter[str]) -> T:
    """Asks again and again, as long as the answer is that something is away or busy."""
    while True:
        try:
            return await ask()
        except httpx.HTTPStatusError as error:
            if not (
                error.response.is_server_error or error.response.status_code == httpx.codes.TOO_MANY_REQUESTS
            ):
                raise
            refusals[str(error.response.status_code)] += 1
        except httpx.TransportError as error:
            refusals[type(error).__name__] += 1
        await asyncio.sleep(PAUSE_SECONDS)
