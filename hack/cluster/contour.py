"""Contour and Envoy as processes of the node: Ingresses and a Gateway, at 127.0.0.1:PORT on the host."""

import base64
import subprocess
import tempfile
from pathlib import Path

from cluster import build, network, processes, relay, toolchain
from cluster.config import ENVOY_PORT, KUBECONFIG, RUN, ClusterError, render
from cluster.kubectl import kubectl

_CRDS = ("contour/01-crds.yaml", "gateway/00-crds.yaml")
# The listener of a Gateway has the port that users see; Envoy's own is above those that only root may open.
_HTTP_PORT = 8080
# Envoy asks the kernel to be ended with its parent: this one stays.
_PARENT = ("sh", "-c", '"$0" "$@"; exit')
_ENVOY_FLAGS = ("--service-cluster", "contour", "--service-node", "node", "--concurrency", "2")


def up() -> None:
    """Install both kinds of route, and start what serves them."""
    build.build(["contour"])
    examples = build.folder("contour") / "examples"
    crds = [argument for path in _CRDS for argument in ("--filename", str(examples / path))]
    kubectl("apply", "--server-side", "--force-conflicts", *crds)
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *crds)
    gateway = render("contour/gateway.yaml", **_certificate())
    kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(gateway))
    processes.start("contour", network.inside(*_contour()))
    envoy = [toolchain.envoy(), "--config-path", _bootstrap(), *_ENVOY_FLAGS]
    processes.start("envoy", network.inside(*_PARENT, *envoy))
    relay.start(ENVOY_PORT, "127.0.0.1", _HTTP_PORT)
    kubectl("wait", "--for=condition=Programmed", "--timeout=60s", "--namespace=contour", "gateway/contour")
    processes.require_alive()
    print(f"http://127.0.0.1:{ENVOY_PORT}")


def down() -> None:
    """Stop both processes; the kinds and the Gateway stay until the cluster goes down."""
    for name in (relay.name(ENVOY_PORT), "envoy", "contour"):
        processes.stop(name)


def _certificate() -> dict[str, str]:
    """Make a certificate that nobody trusts, with its key, as a Secret holds them."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"KEY": Path(folder) / "key.pem", "CERTIFICATE": Path(folder) / "certificate.pem"}
        paths = ("-keyout", str(files["KEY"]), "-out", str(files["CERTIFICATE"]))
        command = (
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            *paths,
        )
        subprocess.run(command, capture_output=True, check=True)
        return {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()}


def _contour() -> list[str]:
    return [
        build.binary("contour", "contour"),
        "serve",
        f"--kubeconfig={KUBECONFIG}",
        f"--config-path={render('contour/contour.yaml')}",
        "--insecure",
        "--disable-leader-election",
        "--xds-address=127.0.0.1",
        "--http-address=127.0.0.1",
        "--health-address=127.0.0.1",
        "--debug-http-address=127.0.0.1",
        "--stats-address=127.0.0.1",
    ]


def _bootstrap() -> str:
    """Write the configuration with which Envoy asks Contour for the rest; return its path."""
    target = RUN / "envoy.json"
    socket = f"--admin-address={RUN}/envoy.sock"
    command = [
        build.binary("contour", "contour"),
        "bootstrap",
        "--xds-address=127.0.0.1",
        socket,
        str(target),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"contour cannot configure Envoy: {done.stderr.strip()}")
    return str(target)
