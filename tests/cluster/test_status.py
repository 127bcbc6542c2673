"""What the status says when something is refused, cannot be looked at, or cannot be read at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.kube import NAME, Kube, Manifest, accepts, pipeline
from tests.cluster.own_operator import OwnOperator
from tests.cluster.pods import serve, set_status, told
from tests.cluster.test_charts import render
from tests.patience import eventually

# About as much as a policy can say: 5 KiB.
LONG = "refused " + 4900 * "e"
RIGHTS = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
PROBE: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "probe"},
    "spec": {
        "selector": {"matchLabels": {"app": "probe"}},
        "template": {
            "metadata": {"labels": {"app": "probe"}},
            "spec": {"containers": [{"name": "probe", "image": "probe"}]},
        },
    },
}


@pytest.fixture(autouse=True)
def nobody_else_runs_pods(bare: bool) -> None:
    if not bare:
        pytest.skip("the state of quotas and pods is what the test writes")


def conditions(kube: Kube) -> dict[str, Manifest]:
    stored = kube.get("ragpipeline", NAME) or {}
    return {each["type"]: each for each in stored.get("status", {}).get("conditions", [])}


def allow_no_more(kube: Kube, resource: str) -> None:
    """Make a quota that is used up; no controller counts in a bare server."""
    hard = {resource: "0"}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": hard},
    }
    kube.apply(quota)
    set_status(kube, "resourcequota", "none", {"hard": hard, "used": hard})


@pytest.mark.usefixtures("operator")
def test_a_claim_that_is_refused_is_told_while_everything_else_is_unready(kube: Kube) -> None:
    allow_no_more(kube, "persistentvolumeclaims")
    kube.apply(pipeline())
    storage = told(kube, "StorageReady", "ApplyFailed")
    assert storage["status"] == "False"
    assert "exceeded quota: none" in storage["message"]
    assert conditions(kube)["ApiReady"]["status"] == "False"
    kube("delete", "resourcequota", "none")
    waiting = told(kube, "StorageReady", "Progressing")
    assert waiting["message"] == f"claim {NAME}-objects: it has no volume yet"
    eventually(lambda: serve(kube))
    assert told(kube, "StorageReady", "Bound")["status"] == "True"


@pytest.mark.usefixtures("operator")
def test_a_stateful_set_whose_pods_are_refused_says_why(kube: Kube) -> None:
    allow_no_more(kube, "pods")
    kube.apply(pipeline())
    for condition in ("QueueReady", "VectorStoreReady"):
        refused = told(kube, condition, "FailedCreate")
        assert refused["status"] == "False"
        assert "exceeded quota: none" in refused["message"]
    kube("delete", "resourcequota", "none")
    # Its controller tries again later and later; a change makes it try at once.
    kube.patch("ragpipeline", NAME, {"spec": {"images": {"redis": "redis:8", "qdrant": "qdrant:2"}}})
    eventually(lambda: serve(kube))


@pytest.fixture
def long_words(kube: Kube) -> Iterator[None]:
    """A policy that refuses all that runs pods, at length."""
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["deployments", "statefulsets"],
    }
    own = {"matchLabels": {"kubernetes.io/metadata.name": kube.namespace}}
    group = "admissionregistration.k8s.io/v1"
    policy = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": kube.namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": own},
            "validations": [
                {"expression": "false", "messageExpression": json.dumps(LONG, ensure_ascii=False)}
            ],
        },
    }
    binding = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": kube.namespace},
        "spec": {"policyName": kube.namespace, "validationActions": ["Deny"]},
    }
    kube.apply(policy)
    kube.apply(binding)
    eventually(lambda: not accepts(kube, PROBE, "--dry-run=server"))
    yield
    kube("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", kube.namespace)


@pytest.mark.usefixtures("operator", "long_words")
def test_refusals_however_long_are_told(kube: Kube) -> None:
    kube.apply(pipeline(llm={"managed": {"model": "HuggingFaceTB/SmolLM2-135M-Instruct"}}))
    for condition in (
        "QueueReady",
        "VectorStoreReady",
        "EmbeddingReady",
        "LLMReady",
        "WorkersReady",
        "ApiReady",
    ):
        found = told(kube, condition, "ApplyFailed")
        assert found["status"] == "False"
        assert LONG[:2000] in found["message"]
    assert conditions(kube)["Ready"]["message"] == conditions(kube)["QueueReady"]["message"]


@pytest.fixture
def rights(crd: Kube, own_operator: OwnOperator, tmp_path: Path) -> Iterator[Manifest]:
    """Have the operator run with no more rights than its chart gives it: the role with most of them."""
    given = [each for each in render("ragpipeline-operator") if each["kind"] in RIGHTS]
    for each in given:
        crd.apply(each)
    account = next(each for each in given if each["kind"] == "ServiceAccount")["metadata"]["name"]
    config = yaml.safe_load(crd.kubeconfig.read_text())
    config["users"] = [{"name": "admin", "user": {"token": crd("create", "token", account).strip()}}]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    bounded = OwnOperator(tmp_path / "kubeconfig", tmp_path)
    own_operator.kill()
    bounded.start()
    try:
        yield next(each for each in given if "pods" in str(each.get("rules")))
        bounded.kill()
    finally:
        own_operator.start()


def test_what_may_not_be_read_any_more_is_unknown_until_it_may(kube: Kube, rights: Manifest) -> None:
    kube.apply(pipeline())
    eventually(lambda: serve(kube))
    fewer = [rule for rule in rights["rules"] if "pods" not in rule["resources"]]
    kube.apply({**rights, "rules": fewer})
    unknown = told(kube, "Ready", "PassFailed")
    assert unknown["status"] == "Unknown"
    assert "pods is forbidden" in unknown["message"]
    found = conditions(kube)
    assert found["SpecAccepted"]["status"] == "True"
    assert found["Reconciling"]["reason"] == "PassFailed"
    assert found["ApiReady"]["message"].endswith("; it was True before: 2 of 2 api pods are ready")
    kube.apply(rights)
    assert told(kube, "Ready", "Ready")["status"] == "True"
    found = conditions(kube)
    assert {each["status"] for each in found.values()} == {"True"}
    assert "Reconciling" not in found
