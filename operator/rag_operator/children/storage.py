"""The volume of the uploaded files, which the API writes and the workers read."""

from rag_operator import names
from rag_operator.children.objects import claim
from rag_operator.children.site import Site
from rag_operator.names import Component, Manifest

PATH = "/var/lib/ragpipeline/objects"
# Where the workloads find the files.
STORAGE_URL = f"file://{PATH}"
SHARES_STORAGE = "ragpipeline.dev/shares-storage"


def manifests(site: Site) -> list[Manifest]:
    """Return the claim; without an owner when it is to outlive the pipeline."""
    managed = site.spec.storage.managed
    owned = managed.retention_policy == "Delete"
    return [claim(site, Component.STORAGE, "objects", managed, managed.access_mode, owned=owned)]


def storage_mount() -> Manifest:
    """Return the mount of the volume."""
    return {"name": "objects", "mountPath": PATH}


def storage_volume(site: Site) -> Manifest:
    """Return the volume in a pod."""
    name = names.child_name(site.pipeline, "objects")
    return {"name": "objects", "persistentVolumeClaim": {"claimName": name}}


def storage_labels(site: Site) -> dict[str, str]:
    """Return the label of pods that share the volume."""
    return {SHARES_STORAGE: site.pipeline.metadata.name}


def on_one_node(site: Site) -> bool:
    """Return whether the volume can be on one node only, and so all pods that share it."""
    return site.spec.storage.managed.access_mode == "ReadWriteOnce"


def storage_affinity(site: Site) -> Manifest:
    """Return what keeps the pods on one node when the volume can be on one node only."""
    if not on_one_node(site):
        return {}
    term = {
        "labelSelector": {"matchLabels": storage_labels(site)},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
