"""Streams of servers that we ask."""

import asyncio

import httpx
from tests.patience import PATIENCE_SECONDS

from rag_workloads.web.streams import messages

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = 'data: {"chunk": "Yes."}\n\ndata: [DONE]\n\n'
LAST = "0\r\n\r\n"


async def test_answers_that_end_follow_each_other_on_one_connection() -> None:
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            for part in (f"{HEAD}{len(EVENTS):x}\r\n{EVENTS}\r\n", LAST):
                writer.write(part.encode())
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
            for _ in range(3):
                async with client.stream("GET", url) as response:
                    assert [each async for each in messages(response)] == [{"chunk": "Yes."}]
    assert connections == 1
