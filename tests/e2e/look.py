"""What a person would look at when a test failed: pods, events, resources, the ends of the logs."""

import os
import subprocess

from demo.install import CHART_NAMESPACE, NAMESPACE, OPERATOR, OPERATOR_NAMESPACE
from demo.kube import Kube

LOG_LINES = 30
NAMESPACES = (NAMESPACE, CHART_NAMESPACE)


def look(kube: Kube) -> str:
    """Returns the state of the demo's namespaces as text."""
    commands = [
        "get pods -A -o wide",
        f"logs -n {OPERATOR_NAMESPACE} deployment/{OPERATOR} --tail={LOG_LINES}",
    ]
    for namespace in NAMESPACES:
        commands += [
            f"get ragpipelines -n {namespace} -o yaml",
            f"get all,pvc,scaledobjects,hpa -n {namespace}",
            f"get events -n {namespace} --sort-by=.lastTimestamp",
            f"logs -n {namespace} -l app.kubernetes.io/name=ragpipeline --tail={LOG_LINES}"
            " --all-containers --prefix --max-log-requests=50",
        ]
    return "\n".join(_said(kube, command) for command in commands)


def _said(kube: Kube, arguments: str) -> str:
    result = subprocess.run(
        ["kubectl", *arguments.split()],
        env=os.environ | kube.env,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return f"$ kubectl {arguments}\n{result.stdout}"
