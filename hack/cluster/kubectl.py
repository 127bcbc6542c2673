"""kubectl on the host, through the relay to the API server."""

import subprocess

from cluster.build import binary
from cluster.config import KUBECONFIG, ClusterError


def kubectl(*arguments: str) -> str:
    """Run kubectl and return what it prints; raises `ClusterError` with its complaint."""
    command = [binary("kubectl"), f"--kubeconfig={KUBECONFIG}", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ClusterError(f"kubectl {arguments[0]} failed: {result.stderr.strip()}")
    return result.stdout


def address(namespace: str, target: str) -> str:
    """The address of `svc/NAME` or `pod/NAME` inside the cluster.

    A Service's address lasts as long as the Service, and kube-proxy picks a pod for every connection.
    """
    field = {"pod": ".status.podIP", "svc": ".spec.clusterIP", "service": ".spec.clusterIP"}[
        target.partition("/")[0]
    ]
    ip = kubectl("get", "--namespace", namespace, target, f"--output=jsonpath={{{field}}}")
    if ip in ("", "None"):
        raise ClusterError(f"{target} in {namespace} has no address")
    return ip
