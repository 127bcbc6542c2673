"""How many CPUs this container may use."""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_cpus(cgroup: Path = CGROUP) -> int:
    """The cgroup's CPU quota rounded up, or the cores that this process may run on; at least 1."""
    cores = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def _quota(cgroup: Path) -> float | None:
    """CPUs of quota under cgroup v2, else v1; None if there is no limit."""
    try:
        allowed, period = (cgroup / "cpu.max").read_text().split()
    except FileNotFoundError:
        try:
            allowed = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text()
        except FileNotFoundError:
            return None
    return None if allowed in ("max", "-1") else int(allowed) / int(period)
