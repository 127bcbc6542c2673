"""The Prometheus operator from its own manifests, and a Prometheus that heeds all namespaces."""

import os

from cluster import build, images
from cluster.config import CONF, render
from cluster.kubectl import kubectl

OPERATOR, SERVER, NAMESPACE = "prometheus-operator", "prometheus", "monitoring"


def install() -> None:
    """Install or update both, and wait until Prometheus is available."""
    build.build([OPERATOR, SERVER])
    tag = images.load_built(OPERATOR, "operator", "prometheus-config-reloader")
    # kustomize takes no absolute path for a base
    source = os.path.relpath(build.folder(OPERATOR), CONF / "prometheus")
    render("prometheus/namespace.yaml", NAMESPACE=NAMESPACE)
    kustomization = render("prometheus/kustomization.yaml", NAMESPACE=NAMESPACE, SOURCE=source, TAG=tag)
    kubectl("apply", "--server-side", "--kustomize", str(kustomization.parent))
    kubectl("wait", "--for=condition=Established", "crd", "--all")
    image = f"localhost/{SERVER}:{images.load_built(SERVER, 'prometheus')}"
    instance = render("prometheus/prometheus.yaml", NAMESPACE=NAMESPACE, IMAGE=image)
    kubectl("apply", "--server-side", "--filename", str(instance))
    available = ("--for=condition=Available", "--timeout=180s")
    kubectl("wait", f"--namespace={NAMESPACE}", *available, "prometheus/prometheus")
