"""How much memory this container may use, and how much of it a process that reads a document."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
# The other half is the worker's own, the server's that forks what reads, and the files' that are read.
READERS_SHARE = 0.5


def of_a_reader(concurrency: int, cgroup: Path = CGROUP) -> int:
    """The bytes that each of so many processes which read at once may take beside those that they share."""
    return int(usable_bytes(cgroup) * READERS_SHARE / concurrency)


def usable_bytes(cgroup: Path = CGROUP) -> int:
    """The limit of the cgroup, v2 or v1, or the machine's memory."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limit = (cgroup / name).read_text().strip()
        except FileNotFoundError:
            continue
        return machine if limit == "max" else min(machine, int(limit))
    return machine
