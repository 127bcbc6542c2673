"""The one node: containerd, kubelet, kube-proxy and the cluster's DNS."""

import socket
import subprocess
import time
from pathlib import Path

from cluster import images, network, processes
from cluster.build import binary
from cluster.config import CONF, LOG, NODE_IP, PKI, SOCKET, STATE, ClusterError, render
from cluster.machine import overlay_works

CONTAINERD = CONF / "containerd.toml"


def up() -> None:
    """Start what does not run; the API server answers already."""
    render("resolv.conf")
    render("cni/10-bridge.conflist")
    snapshotter = "overlayfs" if overlay_works(STATE) else "native"
    render(CONTAINERD.name, SNAPSHOTTER=snapshotter)
    _start_containerd()
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


def down() -> None:
    """Stop the node and everything that ran on it; images stay for the next start."""
    for name in ("kubelet", "kube-proxy", "coredns", "storage"):
        processes.stop(name)
    if network.exists() and CONTAINERD.exists():
        _start_containerd()  # containers outlive a containerd that has died
        images.remove_containers()
    processes.stop("containerd")
    _unmount()
    for link in Path("/var/log/containers").glob("*"):  # the kubelet's own, a fixed folder
        if link.readlink().is_relative_to(LOG):
            link.unlink()


def _start_containerd() -> None:
    processes.start("containerd", network.inside("containerd", "--config", str(CONTAINERD)))
    deadline = time.monotonic() + 30
    with socket.socket(socket.AF_UNIX) as client:
        while client.connect_ex(str(SOCKET)):
            processes.require_alive()
            if time.monotonic() > deadline:
                raise ClusterError("containerd does not answer after 30 s")
            time.sleep(0.1)


def _unmount() -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(f"{STATE}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=True)
