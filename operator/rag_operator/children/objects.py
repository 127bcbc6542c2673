"""The objects around pods: Services, ServiceAccounts, claims, Secrets and disruption budgets."""

import base64
from collections.abc import Mapping
from typing import Any

from rag_operator import names
from rag_operator.children.site import Site
from rag_operator.fields import AccessMode
from rag_operator.names import KINDS, Component, Manifest
from rag_operator.spec.volumes import Volume


def child(
    site: Site, kind: str, component: Component, name: str, body: Mapping[str, Any], *, owned: bool = True
) -> Manifest:
    """Return a child with its metadata; one that is not owned outlives the pipeline."""
    metadata: Manifest = {
        "name": name,
        "namespace": site.pipeline.metadata.namespace,
        "labels": names.labels(site.pipeline, component),
    }
    if owned:
        metadata["ownerReferences"] = [names.owner_reference(site.pipeline)]
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata, **body}


def component_child(site: Site, kind: str, component: Component, body: Mapping[str, Any]) -> Manifest:
    """Return a child that bears its component's own name."""
    return child(site, kind, component, names.child_name(site.pipeline, component), body)


def service_account(site: Site, component: Component) -> Manifest:
    """Return the identity of a component's pods, which never talk to the API server."""
    return component_child(site, "ServiceAccount", component, {"automountServiceAccountToken": False})


def service(site: Site, component: Component, port: int) -> Manifest:
    """Return the Service of a component's pods on the port named http."""
    ports = [{"name": "http", "port": port, "targetPort": "http", "protocol": "TCP"}]
    spec = {"selector": names.selector(site.pipeline, component), "ports": ports}
    return component_child(site, "Service", component, {"spec": spec})


def disruption_budget(site: Site, component: Component) -> Manifest:
    """Return a budget that lets a node drain take one pod of a component at a time."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": names.selector(site.pipeline, component)}}
    return component_child(site, "PodDisruptionBudget", component, {"spec": spec})


def claim(
    site: Site,
    component: Component,
    suffix: str,
    volume: Volume,
    access_mode: AccessMode = "ReadWriteOnce",
    *,
    owned: bool = True,
) -> Manifest:
    """Return a PersistentVolumeClaim."""
    spec: Manifest = {"accessModes": [access_mode], "resources": {"requests": {"storage": volume.size}}}
    if volume.storage_class_name:
        spec["storageClassName"] = volume.storage_class_name
    name = names.child_name(site.pipeline, suffix)
    return child(site, "PersistentVolumeClaim", component, name, {"spec": spec}, owned=owned)


def secret(site: Site, component: Component, name: str, data: Mapping[str, str]) -> Manifest:
    """Return a Secret."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return child(site, "Secret", component, name, {"type": "Opaque", "data": encoded})
