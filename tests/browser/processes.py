"""The processes of a local pipeline, which a test can stop to look at what waits for them."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def stopped(module: str, folder: Path) -> Iterator[None]:
    """Stop the process that runs a module for the pipeline of a folder, while the body runs."""
    process = _process(module, folder)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def _process(module: str, folder: Path) -> int:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            runs = module.encode() in (process / "cmdline").read_bytes().split(b"\0")
            if runs and str(folder).encode() in (process / "environ").read_bytes():
                return int(process.name)
    raise LookupError(f"nothing runs {module}")
