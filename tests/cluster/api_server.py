"""A bare control plane as local processes: etcd, kube-apiserver and kube-controller-manager."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml

TOKEN = "test-token"
CONTROLLERS = (
    "deployment-controller,replicaset-controller,statefulset-controller,garbage-collector-controller,"
    "serviceaccount-controller,namespace-controller,disruption-controller"
)


def find_binary(name: str) -> str | None:
    """Return the path of a binary in CLUSTER_BIN or on PATH; None when it is missing."""
    folder = os.environ.get("CLUSTER_BIN")
    return shutil.which(name, path=folder) if folder else shutil.which(name)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
def api_server(folder: Path) -> Iterator[Path]:
    """Start the control plane with all its files in a folder and yield the path of an admin's kubeconfig."""
    etcd, apiserver, manager = (
        find_binary(name) for name in ("etcd", "kube-apiserver", "kube-controller-manager")
    )
    if not (etcd and apiserver and manager):
        raise FileNotFoundError("etcd, kube-apiserver and kube-controller-manager must be in CLUSTER_BIN")
    etcd_url, peer_url, port = (
        f"http://127.0.0.1:{free_port()}",
        f"http://127.0.0.1:{free_port()}",
        free_port(),
    )
    key = folder / "service-account.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    kubeconfig = _write_kubeconfig(folder, port)
    with ExitStack() as stack:
        stack.enter_context(process(
            folder / "etcd.log", etcd, f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync",
            f"--listen-client-urls={etcd_url}", f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}", f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
        ))  # fmt: skip
        stack.enter_context(process(
            folder / "apiserver.log", apiserver, f"--etcd-servers={etcd_url}", f"--secure-port={port}",
            "--bind-address=127.0.0.1", f"--cert-dir={folder}", f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.96.0.0/16", "--allow-privileged",
        ))  # fmt: skip
        wait_until_ready(kubeconfig)
        stack.enter_context(process(
            folder / "controller-manager.log", manager, f"--kubeconfig={kubeconfig}", "--secure-port=0",
            "--leader-elect=false", f"--controllers={CONTROLLERS}",
        ))  # fmt: skip
        yield kubeconfig


def _write_kubeconfig(folder: Path, port: int) -> Path:
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(folder / "apiserver.crt")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def wait_until_ready(kubeconfig: Path, timeout: float = 120) -> None:
    """Wait until the API server calls itself ready."""
    kubectl, deadline = find_binary("kubectl"), time.monotonic() + timeout
    if not kubectl:
        raise FileNotFoundError("kubectl must be in CLUSTER_BIN")
    command = [kubectl, f"--kubeconfig={kubeconfig}", "get", "--raw=/readyz"]
    while (answer := subprocess.run(command, check=False, capture_output=True)).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the API server is not ready: {answer.stderr.decode()}")
        time.sleep(0.5)
