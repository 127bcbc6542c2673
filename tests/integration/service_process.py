"""Run one of our services as a real process."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
from tests.patience import PATIENCE_SECONDS, eventually, patient


def environment(settings: dict[str, str]) -> dict[str, str]:
    """What a process of ours needs beside `settings`."""
    # The service must find what the test finds, whether the project is installed or only on pytest's path.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **settings}


def start(
    module: str, *args: str, env: dict[str, str], probe: str, process_group: int | None = None
) -> subprocess.Popen[bytes]:
    """Start `python -m module` and wait until `probe`, a URL, answers 200."""
    command = [sys.executable, "-m", module, *args]
    process = subprocess.Popen(command, env=environment(env), process_group=process_group)

    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{module} ended with {process.returncode} before it answered {probe}")
        with contextlib.suppress(httpx.TransportError):
            return patient.get(probe).status_code == httpx.codes.OK
        return False

    try:
        eventually(answers)
    except BaseException:
        process.kill()
        raise
    return process


@contextlib.contextmanager
def running(module: str, *args: str, env: dict[str, str], probe: str) -> Iterator[subprocess.Popen[bytes]]:
    """As `start`; stopped by SIGTERM at the end, which the service must obey."""
    process = start(module, *args, env=env, probe=probe)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def last_words(module: str, env: dict[str, str]) -> str:
    """The last line of a service that ends by itself, which must be a failure."""
    ended = subprocess.run(
        [sys.executable, "-m", module],
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.returncode == 1
    return ended.stderr.splitlines()[-1]
