"""What this machine must have, and what can be installed on it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cluster import cgroups
from cluster.config import STATE, ClusterError

_PACKAGES = {  # a file of the package, to see whether it is there
    "/usr/bin/buildah": "buildah",
    "/bin/busybox": "busybox-static",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/bin/containerd": "containerd",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/sbin/ip": "iproute2",
    "/usr/sbin/iptables": "iptables",
    "/usr/sbin/runc": "runc",
    "/usr/sbin/sysctl": "procps",
}
_NOT_ROOT = "not root: network namespaces, mounts and cgroups need it"
_DISK_BYTES = 10 * 1024**3


def require_root() -> None:
    """Raise for anyone else."""
    if os.geteuid():
        raise ClusterError(_NOT_ROOT)


def prepare() -> None:
    """Install missing packages, then raise with every reason why the machine cannot hold a cluster."""
    require_root()
    _install([package for file, package in _PACKAGES.items() if not Path(file).exists()])
    if reasons := list(problems()):
        raise ClusterError("\n".join(reasons))


def problems() -> Iterator[str]:
    """Each reason, in a line, why this machine cannot hold a cluster."""
    if os.geteuid():
        yield _NOT_ROOT
        return
    missing = [package for file, package in _PACKAGES.items() if not Path(file).exists()]
    if missing and not shutil.which("apt-get"):
        yield f"missing packages, and no apt-get to install them: {' '.join(missing)}"
    for what, test in (
        ("no network namespaces", "true"),
        (
            "no bridges or no veth pairs in the kernel",
            "ip link add br0 type bridge && ip link add veth0 type veth peer name veth1",
        ),
        (
            "no bridge netfilter (br_netfilter) in the kernel",
            "test -e /proc/sys/net/bridge/bridge-nf-call-iptables",
        ),
        (
            "iptables cannot make NAT rules",
            "iptables -t nat -A POSTROUTING -m comment --comment c -j MASQUERADE",
        ),
    ):
        if not missing and not _works("unshare", "--net", "sh", "-c", test):
            yield what
    if absent := set(cgroups.CONTROLLERS) - cgroups.available():
        yield f"no cgroup controllers {' '.join(sorted(absent))}"
    if (free := shutil.disk_usage(_existing(STATE)).free) < _DISK_BYTES:
        yield f"{free / 1024**3:.1f} GiB free under {STATE}, 10 are needed"


def overlay_works(folder: Path) -> bool:
    """Whether the kernel mounts an overlay on that folder's file system; else image layers are copied."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for name in ("lower", "upper", "work", "merged"):
            (Path(scratch) / name).mkdir()
        options = f"lowerdir={scratch}/lower,upperdir={scratch}/upper,workdir={scratch}/work"
        # in a mount namespace of its own, which takes the mount with it
        return _works(
            "unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, f"{scratch}/merged"
        )


def _install(packages: list[str]) -> None:
    if not packages:
        return
    print(f"installing {' '.join(packages)}", flush=True)
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        result = subprocess.run(
            ["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise ClusterError(f"apt-get {arguments[0]} failed: {result.stderr.strip()}")


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
