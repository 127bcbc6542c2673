"""The story of `up` and `down`."""

import shutil
import signal
import time
from collections.abc import Callable

from cluster import build, cgroups, control_plane, machine, network, node, processes, relay, storage
from cluster.config import API_PORT, CONF, LOG, PKI, RUN, STATE, ClusterError, exclusive, render
from cluster.kubectl import kubectl


def up() -> None:
    """Bring the cluster up, or back up: starts only what does not run, and returns when the node is Ready."""
    machine.prepare()
    build.build(build.NODE)
    with exclusive(STATE):
        for folder in (PKI, CONF, RUN, LOG, STATE / "etcd", STATE / "volumes"):
            folder.mkdir(parents=True, exist_ok=True)
        processes.forget_dead()
        network.up()
        cgroups.up()
        control_plane.up()
        relay.keep(API_PORT)
        node.up()
        objects = str(render("cluster.yaml"))
        _until(lambda: kubectl("apply", "--server-side", "--force-conflicts", "--filename", objects))
        storage.up()
        _until(lambda: kubectl("wait", "--for=condition=Ready", "--timeout=1s", "node/node"))


def down() -> None:
    """Stop every process and remove every mount, group, namespace and file, except images and logs."""
    machine.require_root()
    with exclusive(STATE):
        processes.forget_dead()
        node.down()
        processes.stop("apiserver", signal.SIGKILL)  # its graceful stop takes a minute
        for name in processes.names():
            processes.stop(name)
        network.down()
        cgroups.down()
        for folder in ("etcd", "kubelet", "pki", "conf", "run", "volumes", "registry"):
            shutil.rmtree(STATE / folder, ignore_errors=True)


def _until(succeeds: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        processes.require_alive()
        try:
            succeeds()
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
