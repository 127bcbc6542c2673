"""The network namespace that holds the cluster."""

import subprocess
from pathlib import Path

from cluster.config import NETNS, NODE_IP

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
    """Whether the namespace is there; it does not outlive a reboot."""
    return _PATH.exists()


def inside(*command: str) -> list[str]:
    """The command, to be run in the cluster's namespace."""
    return ["nsenter", f"--net={_PATH}", *command]


def up() -> None:
    """Create the namespace with the node's address in it."""
    if not exists():
        subprocess.run(["ip", "netns", "add", NETNS], check=True)
        run("sh", "-ec", _SETUP)


def down() -> None:
    """Delete the namespace; its bridge, links and iptables rules go with it."""
    if exists():
        subprocess.run(["ip", "netns", "delete", NETNS], check=True)


def run(*command: str) -> None:
    """Run a command in the namespace and wait for it."""
    subprocess.run(inside(*command), check=True)
