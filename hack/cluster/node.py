"""The one node: containerd, kubelet, kube-proxy and the cluster's DNS."""

import subprocess
import time
from pathlib import Path

from cluster import images, network, processes
from cluster.build import binary
from cluster.config import CONF, NODE_IP, PKI, SOCKET, STATE, ClusterError, render
from cluster.machine import overlay_works


def up() -> None:
    """Start what does not run; the API server answers already."""
    render("resolv.conf")
    render("cni/10-bridge.conflist")
    snapshotter = "overlayfs" if overlay_works(STATE) else "native"
    processes.start(
        "containerd",
        network.inside("containerd", "-c", str(render("containerd.toml", SNAPSHOTTER=snapshotter))),
    )
    _wait_for_socket()
    images.load_pause()
    for name, command in _commands().items():
        processes.start(name, network.inside(*command))


def _commands() -> dict[str, list[str]]:
    return {
        "kubelet": [
            binary("kubelet"),
            f"--kubeconfig={CONF}/kubelet.conf",
            f"--config={render('kubelet.yaml')}",
            f"--root-dir={STATE}/kubelet",
            f"--cert-dir={PKI}/kubelet",
            f"--node-ip={NODE_IP}",
            "--hostname-override=node",
        ],
        "kube-proxy": [binary("kube-proxy"), f"--config={render('kube-proxy.yaml')}"],
        "coredns": [binary("coredns", "coredns"), "-conf", str(render("Corefile"))],
    }


def _wait_for_socket() -> None:
    deadline = time.monotonic() + 30
    while not SOCKET.exists():
        processes.require_alive()
        if time.monotonic() > deadline:
            raise ClusterError("containerd did not open its socket in 30 s")
        time.sleep(0.1)


def down() -> None:
    """Stop the node and everything that ran on it; images stay for the next start."""
    for name in ("kubelet", "kube-proxy", "coredns"):
        processes.stop(name)
    if processes.alive("containerd"):
        images.remove_containers()
    processes.stop("containerd")
    _unmount()
    _remove_cgroups()


def _unmount() -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(f"{STATE}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=True)


def _remove_cgroups() -> None:
    """Remove the kubelet's empty groups from every hierarchy; one that is in use refuses by itself."""
    for root in Path("/sys/fs/cgroup").glob("**/kubepods"):
        for group in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
            group.rmdir()
        root.rmdir()
