"""Kinds that not every cluster has, by the CRDs of those who make them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cluster.build import source

from rag_operator.names import Kind, Manifest
from rag_operator.transport import path_of
from tests.cluster.kube import Kube, Refused, established


class OptionalKinds:
    """Kinds that come with files of CRDs, and can be taken away again."""

    def __init__(self, crds: list[str], files: list[str]) -> None:
        self._crds, self._files = crds, files

    def install(self, cluster: Kube) -> None:
        """Install the CRDs and wait until they are served."""
        for path in self._files:
            cluster("apply", "--server-side", "-f", path)
        established(cluster, *self._crds)

    def remove(self, cluster: Kube) -> None:
        """Remove the CRDs, if they are there."""
        cluster("delete", "crd", "--ignore-not-found", *self._crds)

    @contextmanager
    def unknown(self, cluster: Kube, *, bare: bool) -> Iterator["OptionalKinds"]:
        """Begin and end in a cluster that has none of the kinds."""
        if not bare:
            pytest.skip("CRDs are not removed from a cluster that is not ours")
        self.remove(cluster)
        try:
            yield self
        finally:
            self.remove(cluster)


def monitoring() -> OptionalKinds:
    """Return the kinds of the Prometheus operator that a pipeline is made of."""
    folder = source("prometheus-operator", "github.com/prometheus-operator/prometheus-operator")
    crds = folder / "example" / "prometheus-operator-crd"
    kinds = ("podmonitors", "prometheusrules")
    return OptionalKinds(
        [f"{kind}.monitoring.coreos.com" for kind in kinds],
        [str(crds / f"monitoring.coreos.com_{kind}.yaml") for kind in kinds],
    )


def gateway_api() -> OptionalKinds:
    """Return the kinds of the Gateway API that a pipeline is reached by."""
    folder = source("contour", "github.com/projectcontour/contour")
    return OptionalKinds(
        [f"{kind}.gateway.networking.k8s.io" for kind in ("gateways", "httproutes")],
        [str(folder / "examples" / "gateway" / "00-crds.yaml")],
    )


def is_served(kube: Kube, kind: Kind) -> bool:
    try:
        served = json.loads(kube("get", "--raw", path_of(kind).rpartition("/")[0]))
    except Refused:
        return False
    return any(each["name"] == kind.plural for each in served["resources"])


def definition(kind: Kind) -> Manifest:
    """Return a CRD that takes anything."""
    group, _, version = kind.api_version.partition("/")
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    approval = {"api-approved.kubernetes.io": "unapproved, of a test"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{group}", "annotations": approval},
        "spec": {
            "group": group,
            "names": {"kind": kind.kind, "plural": kind.plural, "singular": kind.kind.lower()},
            "scope": "Namespaced",
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }
