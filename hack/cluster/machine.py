"""What this machine must have, and what can be installed on it."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cluster import build, cgroups, processes, relay
from cluster.config import API_PORT, CACHE, STATE, ClusterError

_PACKAGES = {  # a file of the package, to see whether it is there
    "/usr/bin/buildah": "buildah",
    "/bin/busybox": "busybox-static",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/bin/containerd": "containerd",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/sbin/ip": "iproute2",
    "/usr/sbin/iptables": "iptables",
    "/usr/sbin/modprobe": "kmod",
    "/usr/bin/openssl": "openssl",
    "/usr/sbin/runc": "runc",
    "/usr/sbin/sysctl": "procps",
}
_KERNEL = {  # what is lacking where a command fails in a network namespace of its own
    "no network namespaces": "true",
    "no bridges or no veth pairs in the kernel": (
        "ip link add br0 type bridge && ip link add veth0 type veth peer name veth1"
    ),
    "no bridge netfilter (br_netfilter) in the kernel": (
        "test -e /proc/sys/net/bridge/bridge-nf-call-iptables"
    ),
    "iptables cannot make NAT rules": "iptables -t nat -A POSTROUTING -m comment --comment c -j MASQUERADE",
}
_NOT_ROOT = "not root: network namespaces, mounts and cgroups need it"
_GIB = 1024**3
_DISK_TO_BUILD, _DISK_TO_RUN = 10 * _GIB, 2 * _GIB


def require_root() -> None:
    """Raise for anyone else."""
    if os.geteuid():
        raise ClusterError(_NOT_ROOT)


def prepare() -> None:
    """Install what is missing, then raise with every reason why the machine cannot hold a cluster."""
    if reasons := list(problems()):
        raise ClusterError("\n".join(reasons))


def problems() -> Iterator[str]:
    """Each reason, in a line, why this machine cannot hold a cluster; what can be installed is, first.

    Raises ClusterError when an installation fails.
    """
    if os.geteuid():
        yield _NOT_ROOT
        return
    _install([package for file, package in _PACKAGES.items() if not Path(file).exists()])
    # Nothing else loads it where it is a module; one that is built in, or absent, shows below.
    _works("modprobe", "--quiet", "br_netfilter")
    yield from (what for what, test in _KERNEL.items() if not _works("unshare", "--net", "sh", "-c", test))
    if absent := set(cgroups.CONTROLLERS) - cgroups.available():
        yield f"no cgroup controllers {' '.join(sorted(absent))}"
    if not processes.alive(relay.name(API_PORT)) and not _is_free(API_PORT):
        yield f"port {API_PORT} of 127.0.0.1 is taken: choose another with CLUSTER_API_PORT"
    needed = _DISK_TO_RUN if build.is_complete() else _DISK_TO_BUILD
    for folder in (STATE, CACHE):
        if (free := shutil.disk_usage(_existing(folder)).free) < needed:
            yield f"{free / _GIB:.1f} GiB free under {folder}, {needed // _GIB} are needed"


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
    if not shutil.which("apt-get"):
        raise ClusterError(f"missing packages, and no apt-get to install them: {' '.join(packages)}")
    print(f"installing {' '.join(packages)}", flush=True)
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        result = subprocess.run(
            ["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise ClusterError(f"apt-get {arguments[0]} failed: {result.stderr.strip()}")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return True
    return False


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
