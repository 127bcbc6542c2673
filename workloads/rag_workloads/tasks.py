"""Background tasks and their end."""

import asyncio
from typing import Any

ASK_AGAIN_SECONDS = 1


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they are over, whatever they end with.

    Asks again and again: a client that is about to connect anew may take a cancel for a failed attempt.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=ASK_AGAIN_SECONDS)


def check(*tasks: asyncio.Task[Any]) -> None:
    """Raise what a background task ended with, if one did: nobody else would notice.

    RuntimeError for one that was cancelled.
    """
    for task in tasks:
        if task.cancelled():
            raise RuntimeError("A background task was cancelled.")
        if task.done():
            task.result()


def refusal(kinds: tuple[type[Exception], ...], *tasks: asyncio.Task[Any]) -> str | None:
    """What a background task ended with, in words, if that is one of these kinds; else None."""
    for task in tasks:
        if task.done() and not task.cancelled() and isinstance(error := task.exception(), kinds):
            return str(error)
    return None
