"""Waits for what must come. Only a hang ends a wait: no machine is so slow that it meets the limit."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

PATIENCE_SECONDS = 300

# As httpx by itself, a connection for each request, but for its limit of five seconds.
patient = httpx.Client(timeout=PATIENCE_SECONDS, limits=httpx.Limits(max_keepalive_connections=0))

T = TypeVar("T")


def eventually(look: Callable[[], T | None], pause: float = 0.1) -> T:
    """Looks again and again until something true is seen, and returns it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE_SECONDS} s")
        time.sleep(pause)
    return seen


async def until(look: Callable[[], Awaitable[T | None]], pause: float = 0.1) -> T:
    """As `eventually`, for coroutines."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (seen := await look()):
            await asyncio.sleep(pause)
    return seen
