"""KEDA from its own manifests."""

import os

from cluster import build, images
from cluster.config import CONF, render
from cluster.kubectl import kubectl


def install() -> None:
    """Install or update KEDA's operator and metrics server, and wait until both are available."""
    build.build(["keda"])
    tag = images.load_built("keda", "keda", "keda-adapter")
    # kustomize takes no absolute path for a base
    source = os.path.relpath(build.folder("keda") / "config" / "minimal", CONF / "keda")
    kustomization = render("keda/kustomization.yaml", SOURCE=source, TAG=tag)
    kubectl("apply", "--server-side", "--kustomize", str(kustomization.parent))
    kubectl("wait", "--namespace=keda", "--for=condition=Available", "--timeout=180s", "deployment", "--all")
    kubectl(
        "wait", "--for=condition=Available", "--timeout=60s", "apiservice/v1beta1.external.metrics.k8s.io"
    )
