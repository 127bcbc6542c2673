"""Runs kubectl, and forwards a port to a Service by it."""

import asyncio
import os
import re
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from rag_cli.errors import CliError, Exit

FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")
# How long a pod is waited for that starts.
POD_SECONDS = 10


async def kubectl(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    output: int | None = None,
    errors: int | None = None,
) -> asyncio.subprocess.Process:
    """Start kubectl; `env` is added to this process's environment."""
    try:
        return await asyncio.create_subprocess_exec(
            "kubectl", *arguments, env=os.environ | dict(env or {}), stdout=output, stderr=errors
        )
    except FileNotFoundError:
        message = "kubectl is not on the PATH: install it, or name an API with --url."
        raise CliError(message, Exit.UNREACHABLE) from None


@asynccontextmanager
async def forward(
    service: str, port: int, *flags: str, env: Mapping[str, str] | None = None, hint: str = ""
) -> AsyncIterator[str]:
    """Forward a free port of 127.0.0.1 while the body runs; yield its URL. `hint` goes with a failure."""
    target = (f"service/{service}", f":{port}", f"--pod-running-timeout={POD_SECONDS}s")
    process = await kubectl(*flags, "port-forward", *target, env=env, output=PIPE, errors=STDOUT)
    assert process.stdout
    try:
        said = b""
        while not (found := FORWARDING.search(said)):
            line = await process.stdout.readline()
            if not line:
                raise failure(said.decode(), hint)
            said += line
        # An unread pipe would stop kubectl when it is full.
        draining = asyncio.create_task(_drain(process.stdout))
        yield f"http://127.0.0.1:{int(found[1])}"
        draining.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(1024):
        pass


def failure(said: str, hint: str = "") -> CliError:
    """Return what kubectl says of its failure, in its last line, with what to do about it."""
    said = said.strip().rpartition("\n")[2] or "kubectl ended without a word"
    if "doesn't have a resource type" in said:
        return CliError("This cluster has no RagPipelines: its operator is not installed.", Exit.UNREACHABLE)
    if "(NotFound)" in said and "ragpipelines" in said:
        hint = "; `kubectl get ragpipelines -A` shows all."
    refused = "(Forbidden)" in said or "(Unauthorized)" in said or "must be logged in" in said
    return CliError(said + hint, Exit.REFUSED if refused else Exit.UNREACHABLE)
