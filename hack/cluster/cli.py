"""The commands."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cluster import (
    build,
    contour,
    images,
    keda,
    lifecycle,
    machine,
    network,
    processes,
    prometheus,
    registry,
    relay,
)
from cluster.config import KUBECONFIG, ClusterError
from cluster.kubectl import address, kubectl


def main() -> int:
    """Run one command; returns the exit status."""
    verb, rest = sys.argv[1:2], sys.argv[2:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is half made is removed
    try:
        if verb == ["kubectl"]:
            return _run([build.binary("kubectl"), *rest])
        if verb == ["exec"]:
            return _run(network.inside(*rest))
        arguments = _parser().parse_args()
        return arguments.run(arguments) or 0
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1


def _check(_: argparse.Namespace) -> int:
    reasons = list(machine.problems())
    print("; ".join(reasons) or build.outlook() or "nothing is left to compile")
    return min(len(reasons), 1)


def _build(_: argparse.Namespace) -> None:
    print(build.outlook() or "nothing is left to compile", flush=True)
    build.build(build.ALL)


def _up(_: argparse.Namespace) -> None:
    started = time.monotonic()
    lifecycle.up()
    print(f"up after {time.monotonic() - started:.1f} s; KUBECONFIG={KUBECONFIG}")


def _down(_: argparse.Namespace) -> None:
    lifecycle.down()


def _status(_: argparse.Namespace) -> int:
    names = processes.names()
    if not names:
        print("not up")
        return 1
    for name in names:
        print(f"{'running' if processes.alive(name) else 'STOPPED'} {name}")
    print(kubectl("get", "nodes,pods", "--all-namespaces"), end="")
    return not all(map(processes.alive, names))


def _load(arguments: argparse.Namespace) -> None:
    for archive in arguments.archive:
        print(f"{'loaded' if images.load(archive) else 'there already'}: {archive.name}")


def _images(_: argparse.Namespace) -> None:
    print("\n".join(sorted(name for name in images.present() if not name.startswith("sha256:"))))


def _run(command: list[str]) -> int:
    return subprocess.run(command, env=_environment(), check=False).returncode


def _kubeconfig(_: argparse.Namespace) -> None:
    print(KUBECONFIG)


def _env(_: argparse.Namespace) -> None:
    print("\n".join(f"export {name}={shlex.quote(_environment()[name])}" for name in ("KUBECONFIG", "PATH")))


def _environment() -> dict[str, str]:
    path = f"{build.folder('kubernetes')}:{build.folder('helm')}:{os.environ['PATH']}"
    return os.environ | {"KUBECONFIG": str(KUBECONFIG), "PATH": path}


def _forward(arguments: argparse.Namespace) -> None:
    for ports in arguments.ports:
        local, _, remote = ports.partition(":")
        relay.start(int(local), address(arguments.namespace, arguments.target), int(remote or local))
        print(f"127.0.0.1:{local} -> {arguments.target}:{remote or local}")


def _unforward(arguments: argparse.Namespace) -> None:
    for port in arguments.port:
        processes.stop(relay.name(port))


def _keda(_: argparse.Namespace) -> None:
    keda.install()


def _prometheus(_: argparse.Namespace) -> None:
    prometheus.install()


def _contour(arguments: argparse.Namespace) -> None:
    {"up": contour.up, "down": contour.down}[arguments.action]()


def _registry(arguments: argparse.Namespace) -> None:
    {"up": registry.up, "down": registry.down}[arguments.action]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cluster", description="A real single-node Kubernetes on this machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int | None], text: str
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    command(
        "check",
        _check,
        "install what is missing; say in a line why the cluster cannot be, or what is left to compile",
    )
    command("build", _build, "build every binary (20 minutes on 2 cores, the first time)")
    command("up", _up, "start what does not run and wait until the node is Ready")
    command("down", _down, "stop and remove everything but images, logs and binaries")
    command("status", _status, "show processes, nodes and pods; fails when something does not run")
    command("load", _load, "bring docker-archive tars into the node").add_argument(
        "archive", nargs="+", type=Path
    )
    command("images", _images, "list the images in the node")
    command("kubeconfig", _kubeconfig, "print the path of the kubeconfig, good on the host and in `exec`")
    command("env", _env, "print KUBECONFIG and PATH (kubectl, helm) for a shell's eval")
    forward = command("forward", _forward, "relay 127.0.0.1:LOCAL to a Service or pod, in the background")
    forward.add_argument("-n", "--namespace", default="default")
    forward.add_argument("target", help="svc/NAME or pod/NAME")
    forward.add_argument("ports", nargs="+", metavar="LOCAL[:REMOTE]")
    command("unforward", _unforward, "stop relaying 127.0.0.1:PORT").add_argument("port", nargs="+", type=int)
    command("keda", _keda, "install or update KEDA")
    command("prometheus", _prometheus, "install or update Prometheus and its operator")
    command("contour", _contour, "Ingresses and a Gateway, by Contour and Envoy").add_argument(
        "action", choices=["up", "down"]
    )
    command("registry", _registry, "an image registry for host and node").add_argument(
        "action", choices=["up", "down"]
    )
    return parser
