"""A bare control plane as local processes: etcd, kube-apiserver and kube-controller-manager."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml
from cluster.build import binary as built
from cluster.build import build

from tests.patience import eventually
from tests.ports import free_port

TOKEN = "test-token"
ETCD_URL, ACCOUNT_KEY = "etcd.url", "service-account.key"
# Of a user whose requests can be told from those of the tests.
OPERATOR, OPERATOR_TOKEN = "operator", "operator-token"
CONTROLLERS = (
    "deployment-controller,replicaset-controller,statefulset-controller,garbage-collector-controller,"
    "serviceaccount-controller,namespace-controller,disruption-controller,"
    "persistentvolumeclaim-protection-controller"
)


def binary(name: str, module: str = "kubernetes") -> str:
    """Return the path of a command: in CLUSTER_BIN, or where hack/cluster builds it, once, in minutes."""
    if folder := os.environ.get("CLUSTER_BIN"):
        return str(Path(folder) / name)
    build([module])
    return built(name, module)


@contextmanager
def process(log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in the background with its output in a file; end it on leaving."""
    with log.open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:  # kube-apiserver drains for a minute; nobody waits for it here
                child.kill()
                child.wait()


@contextmanager
def api_server(folder: Path, *flags: str) -> Iterator[Path]:
    """Start the control plane with all its files in a folder and yield the path of an admin's kubeconfig.

    The API server gets the flags besides its own.
    """
    etcd, port = f"http://127.0.0.1:{free_port()}", free_port()
    key = folder / ACCOUNT_KEY
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    users = {TOKEN: "admin", OPERATOR_TOKEN: OPERATOR}
    lines = (f'{token},{user},{user},"system:masters"\n' for token, user in users.items())
    (folder / "tokens.csv").write_text("".join(lines))
    (folder / ETCD_URL).write_text(etcd)
    kubeconfig = write_kubeconfig(folder / "kubeconfig", port)
    with ExitStack() as running:
        running.enter_context(process(folder / "etcd.log", *_etcd(folder, etcd)))
        running.enter_context(process(folder / "apiserver.log", *apiserver(folder, port), *flags))
        wait_until_ready(kubeconfig)
        running.enter_context(process(folder / "controller-manager.log", *_controller_manager(kubeconfig)))
        yield kubeconfig


def _etcd(folder: Path, url: str) -> list[str]:
    peer = f"http://127.0.0.1:{free_port()}"
    return [
        binary("etcd", "etcd"),
        f"--data-dir={folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]


def apiserver(folder: Path, port: int) -> list[str]:
    """Return the command of an API server of the control plane in a folder."""
    key = folder / ACCOUNT_KEY
    return [
        binary("kube-apiserver"),
        f"--etcd-servers={(folder / ETCD_URL).read_text()}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        # No Service is behind these addresses, and nothing that is sent to them leaves the machine.
        "--service-cluster-ip-range=127.96.0.0/16",
    ]


def _controller_manager(kubeconfig: Path) -> list[str]:
    return [
        binary("kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        "--secure-port=0",
        "--leader-elect=false",
        f"--controllers={CONTROLLERS}",
    ]


def write_kubeconfig(path: Path, port: int) -> Path:
    """Write an admin's kubeconfig for an API server whose certificate is in the same folder."""
    authority = str(path.parent / "apiserver.crt")
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": authority}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


def wait_until_ready(kubeconfig: Path) -> None:
    """Wait until the API server calls itself ready."""
    command = [binary("kubectl"), f"--kubeconfig={kubeconfig}", "get", "--raw=/readyz"]
    eventually(lambda: not subprocess.run(command, check=False, capture_output=True).returncode, pause=0.5)
