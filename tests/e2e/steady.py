"""A client that goes on when the pod that its port is forwarded to is replaced."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import httpx
from demo.pipeline import Pipeline

from rag_cli.answers import Answered
from rag_cli.client import Client
from rag_cli.errors import CliError

PAUSE_SECONDS = 0.5

T = TypeVar("T")


class SteadyClient:
    """Asks the API of a pipeline; a request that is cut off is sent again."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._client: Client | None = None
        self._opened = AsyncExitStack()

    async def answer(self, question: str) -> Answered:
        """A whole answer at once."""
        return await self.call(lambda client: client.answer(question))

    async def call(self, ask: Callable[[Client], Awaitable[T]]) -> T:
        """What a request answers, through whichever pod is there."""
        while True:
            try:
                if self._client is None:
                    self._client = await self._opened.enter_async_context(self._pipeline.api())
                return await ask(self._client)
            except (httpx.TransportError, CliError):
                await self.close()
                await asyncio.sleep(PAUSE_SECONDS)

    async def close(self) -> None:
        """End the forwarding."""
        self._client = None
        await self._opened.aclose()


@asynccontextmanager
async def steady_client(pipeline: Pipeline) -> AsyncIterator[SteadyClient]:
    """A client while the body runs."""
    client = SteadyClient(pipeline)
    try:
        yield client
    finally:
        await client.close()
