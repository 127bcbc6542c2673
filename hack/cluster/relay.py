"""A TCP relay from 127.0.0.1 on the host to an address inside the cluster's namespace.

The listening socket is made on the host and handed down to a process that then runs inside the namespace:
a socket stays where it was made, so that one process accepts on one side and connects on the other.
"""

import socket
import sys

from cluster import network, processes
from cluster.config import HERE, ClusterError


def name(port: int) -> str:
    """The name of the process that relays the host's port."""
    return f"relay-{port}"


def keep(port: int) -> None:
    """Relay 127.0.0.1:`port` on the host to the same address in the cluster, unless it is relayed already."""
    if not processes.alive(name(port)):
        start(port, "127.0.0.1", port)


def start(port: int, host: str, target: int) -> None:
    """Relay 127.0.0.1:`port` on the host to `host:target` in the cluster, replacing an earlier relay."""
    processes.stop(name(port))
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise ClusterError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}") from error
        listener.listen(128)
        command = [sys.executable, str(HERE / "relay_process.py"), str(listener.fileno()), host, str(target)]
        processes.start(name(port), network.inside(*command), pass_fds=[listener.fileno()])
