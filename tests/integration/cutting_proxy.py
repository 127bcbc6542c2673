"""A proxy before Redis that loses replies: it cuts a connection after a command ran, before its answer.

An exchange is one request with its reply; a pipeline is one exchange. What a client sends to set up a
connection is none, so that the same work always has the same exchanges:

    async with CuttingProxy(redis_url) as proxy:
        await work(proxy.url)
        for number in range(1, len(proxy.exchanges) + 1):
            proxy.start(cut_at=number)
            await work(proxy.url)  # sees the connection cut in its exchange of that number

It can hold requests back, too, so that what others do comes before them.
"""

import asyncio
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

READ_BYTES = 65536
SETS_UP = {"HELLO", "AUTH", "SELECT", "CLIENT"}


class CuttingProxy:
    """Forwards connections to the Redis of a URL; `url` is its own. Cuts nothing until `start` says what."""

    def __init__(self, redis_url: str, host: str = "127.0.0.1", port: int = 0) -> None:
        target = urlsplit(redis_url)
        self._target = target.hostname, target.port or 6379
        self._host, self._port = host, port
        self._url = target
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.exchanges: list[str] = []
        self.cuts = 0
        self._cut: Callable[[int], bool] = _never
        self._late = b""
        self._held, self._let_go = asyncio.Event(), asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.open()
        password, at, _ = self._url.netloc.rpartition("@")
        self.url = self._url._replace(netloc=f"{password}{at}{self._host}:{self._port}").geturl()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Take connections; after `close`, at the same port."""
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        self._host, self._port = self._server.sockets[0].getsockname()[:2]

    async def close(self) -> None:
        """Cut all connections and refuse others, as a Redis that is away."""
        assert self._server
        self._server.close()
        for connection in self._open:
            connection.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def start(self, *, cut_at: int | None = None, cut_every: int | None = None) -> None:
        """Count exchanges from 1 again, and lose the reply of the one that is given, or of every nth."""
        self.exchanges, self.cuts = [], 0
        if cut_at is not None:
            self._cut = cut_at.__eq__
        elif cut_every is not None:
            self._cut = lambda number: number % cut_every == 0
        else:
            self._cut = _never

    def hold(self, part: str) -> None:
        """Hold back every request that has `part` in it, until `let_go`."""
        self._late = part.encode()
        self._held.clear()
        self._let_go.clear()

    async def held(self) -> None:
        """Return once a request is held back."""
        await self._held.wait()

    def let_go(self) -> None:
        """Hand on what was held back, and hold nothing back any more."""
        self._late = b""
        self._let_go.set()

    async def in_time(self, request: bytes) -> None:
        """Return when a request may go on."""
        if self._late and self._late in request:
            self._held.set()
            await self._let_go.wait()

    def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(client, to_client))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection(*self._target)
        except OSError:  # Redis is away, and so are we
            to_client.transport.abort()
            return
        try:
            await _Connection(self, client, to_client, server, to_server).forward()
        finally:
            to_client.transport.abort()
            to_server.transport.abort()

    def count(self, command: str) -> bool:
        """Count an exchange; whether its reply is to be lost."""
        if command in SETS_UP:
            return False
        self.exchanges.append(command)
        cut = self._cut(len(self.exchanges))
        self.cuts += cut
        return cut


class _Connection:
    """The two ways of one connection."""

    def __init__(
        self,
        proxy: CuttingProxy,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._client, self._to_client = client, to_client
        self._server, self._to_server = server, to_server
        self._waiting = self._losing = False

    async def forward(self) -> None:
        """Forward until either side ends, or the reply comes that is to be lost."""
        ways = [asyncio.create_task(way) for way in (self._requests(), self._replies())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _requests(self) -> None:
        while data := await self._client.read(READ_BYTES):
            if not self._waiting:  # else it is more of the same request
                self._waiting, self._losing = True, self._proxy.count(_command(data))
                await self._proxy.in_time(data)
            self._to_server.write(data)
            await self._to_server.drain()

    async def _replies(self) -> None:
        while data := await self._server.read(READ_BYTES):
            self._waiting = False
            if self._losing:  # an answer shows that the command ran
                return
            self._to_client.write(data)
            await self._to_client.drain()


def _never(_: int) -> bool:
    return False


def _command(request: bytes) -> str:
    """The name of a request's first command: `*2\\r\\n$3\\r\\nGET\\r\\n...`."""
    return request.split(b"\r\n", 3)[2].decode().upper()
