"""A proxy between an operator and its API server, which harms requests."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Self

import aiohttp
from aiohttp import web

READS = {"GET"}
# To hold a lease is no write of an operator's: when it comes depends on the time.
LEASES = "/leases"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host"}


class Asked(NamedTuple):
    """A request: `write` counts those that change something, from 1, and is 0 for others."""

    method: str
    path: str
    write: int
    is_watch: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Harm:
    """Does nothing; those that derive from it do."""

    async def before(self, asked: Asked) -> web.Response | None:
        """Called with each request; an answer keeps it from the API server."""

    async def after(self, asked: Asked) -> None:
        """Called when the API server has answered, before the operator hears of it."""


@dataclass
class Killing(Harm):
    """Kills the operator as it sends its nth write: right before the API server has it, or right after."""

    number: int
    moment: Literal["before", "after"]
    kill: Callable[[], None]
    killed_at: Asked | None = None
    killed: asyncio.Event = field(default_factory=asyncio.Event)

    async def before(self, asked: Asked) -> web.Response | None:
        if self.killed_at:  # of an operator that is dead
            return web.Response(status=503)
        if self.moment == "before" and asked.write == self.number:
            return self._strike(asked)
        return None

    async def after(self, asked: Asked) -> None:
        if self.moment == "after" and asked.write == self.number and not self.killed_at:
            self._strike(asked)

    def _strike(self, asked: Asked) -> web.Response:
        self.kill()
        self.killed_at = asked
        self.killed.set()
        return web.Response(status=503)


@dataclass
class Slow(Harm):
    """Lets each request wait."""

    seconds: float

    async def before(self, asked: Asked) -> web.Response | None:
        await asyncio.sleep(self.seconds)
        return None


@dataclass
class Refusing(Harm):
    """Answers every nth write, or watch, with an error, until there were so many."""

    status: int
    every: int = 2
    watches: bool = False
    most: int = 10
    seen: int = 0
    refused: int = 0

    async def before(self, asked: Asked) -> web.Response | None:
        if not (asked.is_watch if self.watches else asked.write) or self.refused == self.most:
            return None
        self.seen += 1
        if self.seen % self.every:
            return None
        self.refused += 1
        status = {"kind": "Status", "apiVersion": "v1", "code": self.status, "message": "harmed by a test"}
        return web.json_response(status, status=self.status, headers={"Retry-After": "1"})


@dataclass
class LosingReplies(Harm):
    """Lets the API server make each write, and then tells the operator of an error, the first time."""

    lost: set[tuple[str, str]] = field(default_factory=set)

    async def after(self, asked: Asked) -> None:
        request = (asked.method, asked.path)
        if asked.write and request not in self.lost:
            self.lost.add(request)
            raise web.HTTPGatewayTimeout


class ApiProxy:
    """Forwards to the API server at a URL with a token; `url` is its own."""

    def __init__(self, server: str, token: str, trust: ssl.SSLContext) -> None:
        self._server, self.token, self._trust = server, token, trust
        self._streams: set[asyncio.Task[None]] = set()
        self.harm = Harm()
        self.writes: list[Asked] = []

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None)
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._forward)
        # None and 0 wait for ever; a handler of an operator that is dead would wait for a watch's next event.
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut_watches()
        await self._runner.cleanup()
        await self._session.close()

    async def open(self, port: int = 0) -> None:
        """Take connections; after `close`, at the same port."""
        self._site = web.TCPSite(self._runner, "127.0.0.1", port or getattr(self, "_port", 0))
        await self._site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def close(self) -> None:
        """Refuse connections and cut those there are, as an API server that restarts."""
        await self._site.stop()
        self.cut_watches()
        assert self._runner.server
        for connection in self._runner.server.connections:
            connection.force_close()

    def cut_watches(self) -> None:
        """End all answers that last."""
        for stream in self._streams:
            stream.cancel()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        asked = self._asked(request)
        if answer := await self.harm.before(asked):
            return answer
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Authorization"] = f"Bearer {self.token}"
        url = self._server + request.raw_path
        async with self._session.request(
            request.method, url, headers=headers, data=await request.read() or None
        ) as answered:
            given = {
                name: value for name, value in answered.headers.items() if name.lower() not in HOP_BY_HOP
            }
            if asked.is_watch:
                return await self._stream(request, answered, given)
            body = await answered.read()
        await self.harm.after(asked)
        if encoding := answered.headers.get("Content-Encoding"):
            given["Content-Encoding"] = encoding
        return web.Response(status=answered.status, headers=given, body=body)

    def _asked(self, request: web.Request) -> Asked:
        is_write = request.method not in READS and LEASES not in request.path
        number = len(self.writes) + 1 if is_write else 0
        asked = Asked(request.method, request.path, number, "watch" in request.query)
        if is_write:
            self.writes.append(asked)
        return asked

    async def _stream(
        self, request: web.Request, answered: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answered.status, headers=headers)
        await response.prepare(request)

        async def copy() -> None:
            async for chunk in answered.content.iter_any():
                await response.write(chunk)

        stream = asyncio.create_task(copy())
        self._streams.add(stream)
        try:
            await asyncio.wait([stream])
        finally:
            stream.cancel()
            self._streams.discard(stream)
        return response
