"""Runs commands beside each other, shows their last line, and fails with what they said."""

import asyncio
import os
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from .errors import DemoError
from .paths import ROOT

TAIL = 25


class CommandError(DemoError):
    """A command ended with a status other than 0; the message holds the command and its last lines."""

    def __init__(self, command: tuple[str, ...], status: int, tail: list[str]) -> None:
        self.command, self.status, self.tail = command, status, tail
        super().__init__("\n".join([f"exit status {status}: {shlex.join(command)}", *tail]))


async def run(
    *command: str,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    show: Callable[[str], None] | None = None,
) -> str:
    """Runs a command in the repository's root and returns its standard output.

    `env` is added to this process's environment. `show` gets each line of both outputs as it comes.
    Raises CommandError for a status other than 0, DemoError for a command that is not there. Stops
    the command, and what it started, when the caller is cancelled.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=os.environ | dict(env or {}),
            stdin=DEVNULL if stdin is None else PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=2**24,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise DemoError(f"{command[0]} is not on PATH: install it, then run this again") from error
    output: list[str] = []
    tail: deque[str] = deque(maxlen=TAIL)

    async def read(stream: asyncio.StreamReader, keep: bool) -> None:
        async for raw in stream:
            line = raw.decode(errors="replace")
            if keep:
                output.append(line)
            if line.strip():
                tail.append(line.rstrip())
                if show:
                    show(line.strip())

    async def write() -> None:
        if process.stdin and stdin is not None:
            with suppress(ConnectionError):  # it ends without reading on: its status and output tell why
                process.stdin.write(stdin.encode())
                await process.stdin.drain()
            process.stdin.close()

    assert process.stdout
    assert process.stderr
    try:
        await asyncio.gather(read(process.stdout, True), read(process.stderr, False), write())
        status = await process.wait()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            await process.wait()
    if status != 0:
        raise CommandError(command, status, list(tail))
    return "".join(output)
