"""What `relay` starts: `relay_process.py FD HOST PORT` accepts on the inherited socket and connects there."""

import asyncio
import contextlib
import socket
import sys
from asyncio import StreamReader, StreamWriter


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()  # one side may go on talking when the other has said all


async def _relay(host: str, port: int, reader: StreamReader, writer: StreamWriter) -> None:
    with contextlib.suppress(OSError), contextlib.closing(writer):
        inner_reader, inner_writer = await asyncio.open_connection(host, port)
        with contextlib.closing(inner_writer):
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(reader, inner_writer))
                pumps.create_task(_pump(inner_reader, writer))


async def _serve(listener: socket.socket, host: str, port: int) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: _relay(host, port, reader, writer), sock=listener
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], int(sys.argv[3])))
