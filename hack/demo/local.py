"""The same pipeline as local processes: no root, no Go, no cluster."""

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from rag_cli.client import Client

from . import corpus
from .errors import DemoError
from .ingest import ingest
from .paths import BUILD, QUICKSTART
from .questions import ask_all
from .shell import run
from .steps import Step, Steps

READY_TIMEOUT = 300.0
TIMINGS = BUILD / "local-timings.json"
UNSHOWN = (
    "Local processes leave unshown: the operator (reconciling, status, healing)"
    " and KEDA (pods that follow the queue)."
)


async def local(steps: Steps) -> None:
    """Starts the pipeline's processes, uploads the manual, asks the demo's questions, and stops them.

    Writes the seconds from the start to the first answer to build/local-timings.json.
    """
    started = time.monotonic()
    async with running(steps) as url, Client(url) as client:
        with steps.step("Upload Debian's policy manual and follow it") as step:
            await ingest(client, await corpus.policy_manual(), corpus.MANUAL_ID, step)
        with steps.section("Ask three questions"):
            asked = time.monotonic() - started
            answers = await ask_all(client, steps.console)
    first_answer = asked + answers[0].seconds
    steps.write(TIMINGS, local_first_answer_seconds=round(first_answer, 2))
    steps.console.print(f"\nFirst answer after {first_answer:.1f} s. `make local` keeps it running.")
    steps.console.print(f"[yellow]{UNSHOWN}[/]", soft_wrap=True)


@asynccontextmanager
async def running(steps: Steps, pipeline: Path = QUICKSTART) -> AsyncIterator[str]:
    """Runs a pipeline's processes on free ports while the body runs; yields the URL of the API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="ragpipeline-") as state:
        command = (sys.executable, "-m", "rag_operator.local", "-f", str(pipeline))
        async with asyncio.TaskGroup() as group:  # ends the body too when the processes end by themselves
            with steps.step("Start the pipeline as local processes") as step:
                processes = group.create_task(
                    run(*command, "--state-dir", state, "--port", str(port), show=step.say)
                )
                await _ready(url, step)
            yield url
            processes.cancel()


async def _ready(url: str, step: Step) -> None:
    """Waits until the API is ready; raises DemoError after READY_TIMEOUT."""
    async with httpx.AsyncClient(base_url=url) as http:
        while step.seconds < READY_TIMEOUT:
            with suppress(httpx.TransportError):
                if (await http.get("/ready")).is_success:
                    return
            await asyncio.sleep(0.2)
    raise DemoError(f"the local processes are not ready after {READY_TIMEOUT:.0f} s")
