"""The control group that holds every pod: one of its own, so that clusters on one machine do not fight."""

from pathlib import Path

from cluster.config import NETNS

CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
_ROOT = Path("/sys/fs/cgroup")


def available() -> set[str]:
    """The controllers that the machine offers."""
    if _unified():
        return set((_ROOT / "cgroup.controllers").read_text().split())
    return {hierarchy.name for hierarchy in _ROOT.iterdir()}


def up() -> None:
    """Create the group: once in version 2's one hierarchy, or in each of version 1's."""
    if _unified():
        (_ROOT / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))
    for group in _groups():
        group.mkdir(exist_ok=True)


def down() -> None:
    """Remove the group and those that the kubelet made in it."""
    for group in _groups():
        for path in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            path.rmdir()
        if group.exists():
            group.rmdir()


def _groups() -> list[Path]:
    hierarchies = (
        [_ROOT] if _unified() else [path for path in _ROOT.iterdir() if (path / "cgroup.procs").exists()]
    )
    return [hierarchy / NETNS for hierarchy in hierarchies]


def _unified() -> bool:
    return (_ROOT / "cgroup.controllers").exists()
