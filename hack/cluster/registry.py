"""An image registry on the node, at 127.0.0.1:PORT both for pushes on the host and for containerd's pulls.

Docker and containerd ask for no TLS there; buildah needs `--tls-verify=false`.
"""

from cluster import build, network, processes, relay
from cluster.config import REGISTRY_PORT, render


def up() -> None:
    """Start the registry and its relay."""
    build.build(["registry"])
    relay.keep(REGISTRY_PORT)  # first: the port may be taken
    command = [build.binary("registry", "registry"), "serve", str(render("registry.yaml"))]
    processes.start("registry", network.inside(*command))
    print(f"127.0.0.1:{REGISTRY_PORT}")


def down() -> None:
    """Stop the registry; what was pushed stays until the cluster goes down."""
    processes.stop(relay.name(REGISTRY_PORT))
    processes.stop("registry")
