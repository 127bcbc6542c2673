"""The network namespace that holds the cluster."""

import os
import subprocess
from pathlib import Path

from cluster.config import NETNS, NODE_IP, ClusterError

_PATH = Path("/run/netns") / NETNS

# eth0 is one end of a pair whose other end stays in the namespace too: a link with carrier, to nowhere.
_SETUP = f"""
ip link set lo up
ip link add eth0 type veth peer name eth0-peer
ip link set eth0-peer up
ip address add {NODE_IP}/24 dev eth0
ip link set eth0 up
ip route add default dev eth0
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
"""


def exists() -> bool:
    """Whether the namespace is there; a file that outlived a restart without its mount does not count."""
    return os.path.ismount(_PATH)  # Path.is_mount knows folders only


def inside(*command: str) -> list[str]:
    """The command, to be run in the cluster's namespace."""
    return ["nsenter", f"--net={_PATH}", *command]


def up() -> None:
    """Create the namespace with the node's address in it."""
    if exists():
        return
    _PATH.unlink(missing_ok=True)
    _run("ip", "netns", "add", NETNS)
    try:
        run("sh", "-ec", _SETUP)
    except BaseException:
        down()  # half a network would pass for a whole one
        raise


def down() -> None:
    """Delete the namespace; its bridge, links and iptables rules go with it."""
    if exists():
        _run("ip", "netns", "delete", NETNS)


def run(*command: str) -> None:
    """Run a command in the namespace and wait for it; raises ClusterError with what it complained of."""
    _run(*inside(*command))


def _run(*command: str) -> None:
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise ClusterError(f"{' '.join(command[:3])} failed: {result.stderr.strip()}")
