"""The provisioner that kind ships: PersistentVolumes as folders of the node that any user may write."""

from cluster import network, processes
from cluster.build import binary
from cluster.config import KUBECONFIG, render


def up() -> None:
    """Start the provisioner; its own objects are in the cluster already."""
    command = [
        binary("local-path-provisioner", "storage"),
        "start",
        f"--kubeconfig={KUBECONFIG}",
        f"--config={render('storage.json')}",
        "--helper-image=localhost/pause:1",
    ]
    processes.start("storage", network.inside(*command))
