"""Background processes with a log and a pid file, signalled only while the pid is still the same process."""

import os
import signal
import subprocess
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from cluster.config import LOG, RUN, ClusterError


def _started(pid: int) -> str | None:
    """The process's start time in clock ticks since boot, or None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _pid(name: str) -> int | None:
    """The pid of a live process of that name; a pid that another program has by now does not count."""
    try:
        pid, started = (RUN / f"{name}.pid").read_text().split()
    except (FileNotFoundError, ValueError):  # never written, or cut short by a crash
        return None
    return int(pid) if _started(int(pid)) == started else None


def names() -> list[str]:
    """Every process that was started and not stopped, whether it still lives or not."""
    return sorted(path.stem for path in RUN.glob("*.pid"))


def alive(name: str) -> bool:
    """Whether the process of that name runs."""
    return _pid(name) is not None


def start(name: str, command: Sequence[str], pass_fds: Collection[int] = ()) -> None:
    """Start the command in the background unless it runs already."""
    if alive(name):
        return
    with (LOG / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    (RUN / f"{name}.pid").write_text(f"{process.pid} {_started(process.pid)}")


def stop(name: str, sign: signal.Signals = signal.SIGTERM, patience: float = 10) -> None:
    """Stop the process of that name and forget it; SIGKILL after `patience` seconds."""
    if (pid := _pid(name)) is not None:
        os.kill(pid, sign)
        deadline = time.monotonic() + patience
        while _pid(name) is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
    (RUN / f"{name}.pid").unlink(missing_ok=True)


def forget_dead() -> None:
    """Drop what has died since it was started, so that `start` and `require_alive` begin afresh."""
    for name in names():
        if not alive(name):
            stop(name)


def require_alive() -> None:
    """Raise with the end of its log for the first process that has died."""
    for name in names():
        if not alive(name):
            tail = "\n".join((LOG / f"{name}.log").read_text(errors="replace").splitlines()[-15:])
            raise ClusterError(f"{name} has stopped; the end of {LOG / name}.log:\n{tail}")
