"""Waits where the API says when to come back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

from rag_cli.errors import problem

LATER = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}

T = TypeVar("T")


async def patiently(ask: Callable[[], Awaitable[T]], say: Callable[[str], None]) -> T:
    """Ask again for as long as the answer is 429 or 503 with Retry-After; say what is waited for."""
    while True:
        try:
            return await ask()
        except httpx.HTTPStatusError as error:
            seconds = error.response.headers.get("Retry-After", "")
            if error.response.status_code not in LATER or not seconds.isdecimal():
                raise
            say(problem(error.response))
        await asyncio.sleep(int(seconds))
