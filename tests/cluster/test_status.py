"""What the status says when something is refused, cannot be looked at, or cannot be read at all."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.cluster.api_server import binary, process
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


@contextmanager
def written(kube: Kube, folder: Path) -> Iterator[Callable[[], list[Manifest]]]:
    """Give what returns all versions of the pipeline that there were until now."""
    log = folder / "versions.json"
    watch = ["get", "ragpipeline", NAME, "--watch", "--output=json"]
    command = [binary("kubectl"), f"--kubeconfig={kube.kubeconfig}", f"--namespace={kube.namespace}", *watch]

    def versions() -> list[Manifest]:
        found, text = list[Manifest](), log.read_text().lstrip()
        with suppress(json.JSONDecodeError):  # the last one may not be there in full yet
            while text:
                version, length = json.JSONDecoder().raw_decode(text)
                found.append(version)
                text = text[length:].lstrip()
        return found

    with process(log, *command):
        yield versions


@pytest.mark.usefixtures("operator")
def test_a_new_spec_is_never_said_to_be_in_place_before_its_pods_are(kube: Kube, tmp_path: Path) -> None:
    kube.apply(pipeline())
    eventually(lambda: serve(kube))
    with written(kube, tmp_path) as versions:
        eventually(versions)
        kube.patch("ragpipeline", NAME, {"spec": {"images": {"api": "new/api:2"}}})
        eventually(lambda: conditions(kube)["ApiReady"]["observedGeneration"] == 2)
        eventually(lambda: serve(kube) and "Reconciling" not in conditions(kube))
        kube("annotate", "ragpipeline", NAME, "last=yes")
        eventually(lambda: "last" in versions()[-1]["metadata"].get("annotations", {}))
    of_the_new_spec = [each for each in versions() if each["status"]["observedGeneration"] == 2]
    moving = ["Reconciling" in {each["type"] for each in v["status"]["conditions"]} for v in of_the_new_spec]
    assert moving == sorted(moving, reverse=True)
    assert len(moving) > 1
    assert not moving[-1]
    for each in versions():
        seen = {condition["observedGeneration"] for condition in each["status"]["conditions"]}
        assert seen == {each["status"]["observedGeneration"]}


class Bounded(NamedTuple):
    """An operator with no more rights than its chart gives it, and the role with most of them."""

    operator: OwnOperator
    role: Manifest


@pytest.fixture
def bounded(crd: Kube, own_operator: OwnOperator, tmp_path: Path) -> Iterator[Bounded]:
    given = [each for each in render("ragpipeline-operator") if each["kind"] in RIGHTS]
    for each in given:
        crd.apply(each)
    account = next(each for each in given if each["kind"] == "ServiceAccount")["metadata"]["name"]
    config = yaml.safe_load(crd.kubeconfig.read_text())
    config["users"] = [{"name": "admin", "user": {"token": crd("create", "token", account).strip()}}]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    operator = OwnOperator(tmp_path / "kubeconfig", tmp_path)
    own_operator.kill()
    operator.start()
    try:
        yield Bounded(operator, next(each for each in given if "pods" in str(each.get("rules"))))
        operator.kill()
    finally:
        own_operator.start()


def test_what_may_not_be_read_any_more_is_unknown_until_it_may(kube: Kube, bounded: Bounded) -> None:
    kube.apply(pipeline())
    eventually(lambda: serve(kube))
    fewer = [rule for rule in bounded.role["rules"] if "pods" not in rule["resources"]]
    kube.apply({**bounded.role, "rules": fewer})
    bounded.operator.kill()  # what was asked for before goes on for minutes
    bounded.operator.start()
    unknown = told(kube, "Ready", "PassFailed")
    assert unknown["status"] == "Unknown"
    assert "pods is forbidden" in unknown["message"]
    found = conditions(kube)
    assert found["SpecAccepted"]["status"] == "True"
    assert found["Reconciling"]["reason"] == "PassFailed"
    assert found["ApiReady"]["message"].endswith("; it was True before: 2 of 2 api pods are ready")
    kube.apply(bounded.role)
    assert told(kube, "Ready", "Ready")["status"] == "True"
    found = conditions(kube)
    assert {each["status"] for each in found.values()} == {"True"}
    assert "Reconciling" not in found
