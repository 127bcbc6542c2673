"""One more API server of a control plane, which a test can kill while others go on."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.api_server import apiserver, wait_until_ready, write_kubeconfig
from tests.ports import free_port


class AnotherServer:
    """A process of its own on the same etcd, always at the same port."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self._command = apiserver(folder, port)
        self._log = folder / f"apiserver-{port}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.kubeconfig = write_kubeconfig(folder / f"kubeconfig-{port}", port)

    def start(self) -> None:
        """Start it, and wait until it serves."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=subprocess.STDOUT)
        wait_until_ready(self.kubeconfig)

    def kill(self) -> None:
        """End it at once, with all that is connected to it."""
        if self._process:
            self._process.kill()
            self._process.wait()


@contextmanager
def another_server(folder: Path) -> Iterator[AnotherServer]:
    """Start one beside that of the control plane in a folder."""
    server = AnotherServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
