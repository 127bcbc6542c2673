"""Local processes: started in a group of their own, watched until they are ready, ended in order."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag_operator.local.translate import LocalProcess

POLL_SECONDS = 0.2
LONGEST_GRACE_SECONDS = 15
TAIL_LINES = 20


class ProcessFailed(RuntimeError):
    """A process ended though the pipeline did not ask it to."""


@dataclass
class Running:
    """A process that was started."""

    spec: LocalProcess
    child: asyncio.subprocess.Process
    log: Path

    async def until_ready(self) -> None:
        """Wait until the probe passes; raise ProcessFailed if the process ends before that."""
        while not await self.spec.probe():
            if self.child.returncode is not None:
                raise self.failure()
            await asyncio.sleep(POLL_SECONDS)

    async def until_ended(self) -> None:
        """Wait for the end, which is a failure."""
        await self.child.wait()
        raise self.failure()

    async def stop(self) -> None:
        """Ask the process to end, and make it end when it takes too long."""
        if self.child.returncode is not None:
            return
        self.child.terminate()
        try:
            async with asyncio.timeout(min(self.spec.grace_seconds, LONGEST_GRACE_SECONDS)):
                await self.child.wait()
        except TimeoutError:
            os.killpg(self.child.pid, signal.SIGKILL)
            await self.child.wait()

    def failure(self) -> ProcessFailed:
        """Return what went wrong, with the last lines that the process wrote in this run."""
        status = self.child.returncode or 0
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return ProcessFailed(f"{self.spec.name} {how}; the end of its log, {self.log}:\n{_tail(self.log)}")


async def start(spec: LocalProcess, logs: Path) -> Running:
    """Start a process in a session of its own, so that a Ctrl-C in the terminal does not reach it."""
    log = logs / f"{spec.name}.log"
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *spec.command,
            env=_environment(spec.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    return Running(spec, child, log)


async def run_once(command: Sequence[str], log: Path) -> None:
    """Run a command to its end; raise ProcessFailed if it fails."""
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=asyncio.subprocess.STDOUT
        )
    if await child.wait():
        raise ProcessFailed(f"{' '.join(command)} failed; its log, {log}:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return a process's environment: the pod's variables, and of ours only what a program needs to run."""
    inherited = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    return {name: os.environ[name] for name in inherited if name in os.environ} | dict(variables)
