"""Plays the kubelet's part where none runs: pods have the state that a test writes."""

import json

from tests.cluster.kube import Kube, Manifest
from tests.patience import eventually

READY = [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}]


def pods(kube: Kube, component: str = "") -> list[Manifest]:
    """Return the pods of a component, or all, but for those that are leaving."""
    found = kube.list("pods", f"app.kubernetes.io/component={component}" if component else "")
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def set_status(kube: Kube, kind: str, name: str, status: Manifest) -> None:
    """Write the status of an object."""
    kube(
        "patch", kind, name, "--subresource=status", "--type=merge", "--patch", json.dumps({"status": status})
    )


def serve(kube: Kube) -> bool:
    """Make all pods ready that are not, and bind all claims; return whether the pipeline is ready."""
    for claim in kube.list("persistentvolumeclaims"):
        if claim["status"]["phase"] != "Bound":
            bound = {"phase": "Bound", "capacity": claim["spec"]["resources"]["requests"]}
            set_status(kube, "pvc", claim["metadata"]["name"], bound)
    for pod in pods(kube):
        if not pod["status"].get("conditions"):
            set_status(kube, "pod", pod["metadata"]["name"], {"phase": "Running", "conditions": READY})
    ready = kube.condition("Ready")
    return ready is not None and ready["status"] == "True"


def told(kube: Kube, condition: str, reason: str) -> Manifest:
    """Wait until a condition has a reason, and return it."""

    def look() -> Manifest | None:
        found = kube.condition(condition)
        return found if found and found["reason"] == reason else None

    return eventually(look)
