"""An operator with the rights of the chart, and what becomes of a pipeline when they are taken away."""

from typing import NamedTuple

from tests.cluster.faults.rights import Right, granted
from tests.cluster.kube import Kube
from tests.cluster.test_charts import of_kind, render

RBAC = ("ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


class Granted(NamedTuple):
    """What the chart gives an operator."""

    rights: set[Right]
    account: str
    token: str


def grant(kube: Kube, namespaces: list[str]) -> Granted:
    """Give a service account what the chart gives it."""
    watched = ["--set", f"watchNamespaces={{{','.join(namespaces)}}}"] if namespaces else []
    manifests = render("ragpipeline-operator", "--namespace", kube.namespace, *watched)
    given = [each for kind in RBAC for each in of_kind(manifests, kind)]
    for each in given:
        Kube(kube.kubeconfig, each["metadata"].get("namespace", kube.namespace)).apply(each)
    bound = {each["roleRef"]["name"] for each in given if "roleRef" in each}
    roles = [each for each in given if "rules" in each and each["metadata"]["name"] in bound]
    (account,) = of_kind(manifests, "ServiceAccount")
    name = account["metadata"]["name"]
    return Granted(granted(roles), name, kube("create", "token", name).strip())
