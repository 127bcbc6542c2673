"""Readiness probes of manifests, as a local process answers them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

TIMEOUT_SECONDS = 2


@dataclass(frozen=True)
class HttpProbe:
    """A GET that must answer below 400."""

    url: str

    async def __call__(self) -> bool:
        """Return whether the process is ready."""
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                return (await client.get(self.url)).status_code < 400
        except httpx.HTTPError:
            return False


@dataclass(frozen=True)
class RedisProbe:
    """What `redis-cli -e ping` does in the container: no redis-cli is needed here."""

    port: int
    password: str

    async def __call__(self) -> bool:
        """Return whether the server answers PONG; it does not while it still loads its file."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(f"AUTH {self.password}\r\nPING\r\n".encode())
                answers = [await reader.readline(), await reader.readline()]
                writer.close()
        except (OSError, TimeoutError):
            return False
        return answers == [b"+OK\r\n", b"+PONG\r\n"]


Probe = Callable[[], Awaitable[bool]]
