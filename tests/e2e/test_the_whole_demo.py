"""The demo from its start to its end, which takes the cluster away: runs last, and leaves nothing behind."""

import asyncio
import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.config import NETNS
from demo.shell import run
from demo.target import LocalCluster, Target

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_make_demo_and_its_end(cluster: Target) -> None:
    arguments = cluster.make_arguments.split()
    shown = await run("make", "demo", *arguments)
    assert "It is still running" in shown
    await run("make", "demo-down", *arguments)
    if isinstance(cluster, LocalCluster):
        assert re.search(r"\b[1-9]\d* alerts watched the run; ", shown)
        left = await asyncio.to_thread(_left_behind)
        assert left == []


def _left_behind() -> list[str]:
    """Returns what of the local cluster is still there: namespace, mounts, processes and control groups."""
    namespaces = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    mounts = Path("/proc/mounts").read_text()
    groups = map(str, Path("/sys/fs/cgroup").rglob(f"*{NETNS}*"))
    lines = (*namespaces.splitlines(), *mounts.splitlines(), *groups, *_processes())
    return [line for line in lines if NETNS in line or "relay_process.py" in line]


def _processes() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            yield path.read_bytes().replace(b"\0", b" ").decode()
