"""etcd, the API server, the controllers and the scheduler."""

import subprocess

from cluster import network, processes
from cluster.build import binary
from cluster.config import API_PORT, CONF, NODE_IP, PKI, SERVICE_CIDR, STATE, ClusterError, render


def up() -> None:
    """Make certificates and kubeconfigs if there are none, and start what does not run."""
    _credentials()
    for name, command in _commands().items():
        processes.start(name, network.inside(*command))


def _credentials() -> None:
    config = str(render("kubeadm.yaml"))
    for phase in (["certs", "all"], ["kubeconfig", "all", "--kubeconfig-dir", str(CONF)]):
        command = [binary("kubeadm"), "init", "phase", *phase, "--config", config]
        # in the namespace, because kubeadm looks for the advertised address among the machine's own
        result = subprocess.run(network.inside(*command), capture_output=True, text=True, check=False)
        if result.returncode:
            raise ClusterError(f"kubeadm failed:\n{result.stderr}")


def _commands() -> dict[str, list[str]]:
    return {
        "etcd": [
            binary("etcd", "etcd"),
            f"--data-dir={STATE}/etcd",
            "--unsafe-no-fsync",
            "--listen-client-urls=https://127.0.0.1:2379",
            "--advertise-client-urls=https://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            f"--cert-file={PKI}/etcd/server.crt",
            f"--key-file={PKI}/etcd/server.key",
            "--client-cert-auth",
            f"--trusted-ca-file={PKI}/etcd/ca.crt",
        ],
        "apiserver": [
            binary("kube-apiserver"),
            f"--advertise-address={NODE_IP}",
            f"--secure-port={API_PORT}",
            "--etcd-servers=https://127.0.0.1:2379",
            f"--etcd-cafile={PKI}/etcd/ca.crt",
            f"--etcd-certfile={PKI}/apiserver-etcd-client.crt",
            f"--etcd-keyfile={PKI}/apiserver-etcd-client.key",
            f"--client-ca-file={PKI}/ca.crt",
            f"--tls-cert-file={PKI}/apiserver.crt",
            f"--tls-private-key-file={PKI}/apiserver.key",
            f"--kubelet-client-certificate={PKI}/apiserver-kubelet-client.crt",
            f"--kubelet-client-key={PKI}/apiserver-kubelet-client.key",
            "--kubelet-preferred-address-types=InternalIP",
            "--allow-privileged",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={PKI}/sa.pub",
            f"--service-account-signing-key-file={PKI}/sa.key",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--enable-aggregator-routing",
            f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={PKI}/front-proxy-client.crt",
            f"--proxy-client-key-file={PKI}/front-proxy-client.key",
        ],
        "controller-manager": [
            binary("kube-controller-manager"),
            *_as("controller-manager"),
            "--use-service-account-credentials",
            f"--service-account-private-key-file={PKI}/sa.key",
            f"--root-ca-file={PKI}/ca.crt",
            f"--client-ca-file={PKI}/ca.crt",
            f"--cluster-signing-cert-file={PKI}/ca.crt",
            f"--cluster-signing-key-file={PKI}/ca.key",
            f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
        ],
        "scheduler": [binary("kube-scheduler"), *_as("scheduler")],
    }


def _as(identity: str) -> list[str]:
    """Flags of both controllers: one kubeconfig for all they ask, and no election among one replica."""
    kubeconfig = CONF / f"{identity}.conf"
    purposes = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    return [
        *(f"--{purpose}={kubeconfig}" for purpose in purposes),
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]
