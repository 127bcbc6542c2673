"""An operator that serves some namespaces, with the rights that its chart gives it there and no others."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from tests.cluster.kube import NAME, Kube, pipeline
from tests.cluster.own_operator import OwnOperator
from tests.cluster.test_charts import render
from tests.patience import eventually

RIGHTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


@pytest.fixture
def spaces(crd: Kube) -> Iterator[list[Kube]]:
    """Three namespaces."""
    names = [f"test-{uuid4().hex[:8]}" for _ in range(3)]
    for name in names:
        crd("create", "namespace", name)
    yield [Kube(crd.kubeconfig, name) for name in names]
    crd("delete", "namespace", *names, "--wait=false")


@pytest.fixture
def bounded(
    crd: Kube, spaces: list[Kube], own_operator: OwnOperator, tmp_path: Path
) -> Iterator[OwnOperator]:
    """The operator of the first two, in place of the one of all tests."""
    served = [kube.namespace for kube in spaces[:2]]
    chosen = f"watchNamespaces={{{','.join(served)}}}"
    made = render("ragpipeline-operator", "--namespace", served[0], "--set", chosen)
    for each in made:
        if each["kind"] in RIGHTS:
            Kube(crd.kubeconfig, each["metadata"].get("namespace", served[0])).apply(each)
    account = next(each for each in made if each["kind"] == "ServiceAccount")["metadata"]["name"]
    config = yaml.safe_load(crd.kubeconfig.read_text())
    config["users"] = [{"name": "admin", "user": {"token": spaces[0]("create", "token", account).strip()}}]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    operator = OwnOperator(
        tmp_path / "kubeconfig",
        tmp_path,
        RAG_OPERATOR_WATCH_NAMESPACES=json.dumps(served),
        RAG_OPERATOR_LEASE_NAMESPACE=served[0],
        RAG_OPERATOR_LEASE_NAME=account,
    )
    own_operator.kill()
    operator.start()
    try:
        yield operator
        operator.kill()
    finally:
        own_operator.start()


def test_the_namespaces_that_are_named_are_served_from_the_first_second(
    spaces: list[Kube], bounded: OwnOperator
) -> None:
    for kube in spaces:
        kube.apply(pipeline())
    for kube in spaces[:2]:
        eventually(partial(kube.condition, "Ready"))
    assert spaces[2].condition("Ready") is None
    assert spaces[2].list("deployments") == []
    kube = spaces[1]
    kube.delete("service", f"{NAME}-api")
    eventually(lambda: kube.get("service", f"{NAME}-api"))
    assert "forbidden" not in bounded.log
