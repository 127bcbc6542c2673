"""What of an object is the pipeline's, and what is left to others."""

from copy import deepcopy
from typing import Any

import pytest
from tests.unit.pipelines import AUTOSCALED, INGRESS, find, observed, own, site

from rag_operator.children import build
from rag_operator.drift import digest, replacement, untouched, what_changed
from rag_operator.names import Manifest
from rag_operator.plan import stamp

EVIL: Manifest = {"name": "evil", "image": "evil"}


def pair(kind: str, name: str, **spec: Any) -> tuple[Manifest, Manifest]:
    """Return a child as it should be and as it is, at a version."""
    there = deepcopy(find(observed(**spec), kind, name))
    there["metadata"]["resourceVersion"] = "7"
    return find(build(site(**spec)), kind, name), there


def test_it_replaces_the_very_object_that_was_seen() -> None:
    wanted, there = pair("Service", "demo-api")
    there["metadata"]["finalizers"] = ["somebody/else"]
    made = replacement(wanted, there)["metadata"]
    assert (made["uid"], made["resourceVersion"], made["finalizers"]) == (
        "uid-demo-api",
        "7",
        ["somebody/else"],
    )


def test_what_was_added_to_the_spec_goes() -> None:
    wanted, there = pair("Deployment", "demo-api")
    pod = there["spec"]["template"]["spec"]
    pod["containers"].append(EVIL)
    pod["volumes"].append({"name": "root", "hostPath": {"path": "/"}})
    pod["hostNetwork"] = True
    assert replacement(wanted, there)["spec"] == wanted["spec"]


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_of_the_metadata_only_what_we_wrote_goes(field: str) -> None:
    wanted, there = pair("Ingress", "demo-route", expose=INGRESS)
    said = wanted["metadata"][field]
    there["metadata"][field] |= {"theirs": "1", "ours.before": "1", next(iter(said)): "edited"}
    own(there, {"f:metadata": {f"f:{field}": {".": {}, "f:ours.before": {}}}})
    made = replacement(wanted, there)["metadata"][field]
    assert {key: made[key] for key in said} == said
    assert made["theirs"] == "1"
    assert "ours.before" not in made


def test_an_owner_that_somebody_added_stays_and_a_pipeline_before_this_goes() -> None:
    wanted, there = pair("Service", "demo-api")
    ours = wanted["metadata"]["ownerReferences"][0]
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"}
    there["metadata"]["ownerReferences"] = [{**ours, "uid": "before"}, theirs]
    assert replacement(wanted, there)["metadata"]["ownerReferences"] == [ours, theirs]


def test_a_claim_that_is_to_outlive_the_pipeline_loses_its_owner() -> None:
    wanted, there = pair("PersistentVolumeClaim", "demo-qdrant-data")
    there["metadata"]["ownerReferences"] = pair("Service", "demo-api")[0]["metadata"]["ownerReferences"]
    assert replacement(wanted, there)["metadata"]["ownerReferences"] == []


def test_a_claim_keeps_the_volume_that_it_is_bound_to() -> None:
    wanted, there = pair("PersistentVolumeClaim", "demo-qdrant-data")
    there["spec"]["volumeName"] = "pv-1"
    assert replacement(wanted, there)["spec"] == {**wanted["spec"], "volumeName": "pv-1"}


@pytest.mark.parametrize(("there_are", "kept"), [(4, 4), (0, 1)])
def test_an_autoscaler_keeps_its_number_of_pods_but_for_none(there_are: int, kept: int) -> None:
    wanted, there = pair("Deployment", "demo-embedding", embedding=AUTOSCALED)
    there["spec"]["replicas"] = there_are
    assert replacement(wanted, there)["spec"]["replicas"] == kept
    wanted["spec"]["replicas"] = 2
    assert replacement(wanted, there)["spec"]["replicas"] == 2


def test_a_restart_and_a_spread_over_zones_stay_in_the_template() -> None:
    wanted, there = pair("Deployment", "demo-api")
    template = there["spec"]["template"]
    template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "today"
    constraints = template["spec"]["topologySpreadConstraints"]
    ours, zones = deepcopy(constraints[0]), {**constraints[0], "topologyKey": "zone"}
    constraints[0]["whenUnsatisfiable"] = "DoNotSchedule"
    constraints.append(zones)
    made = replacement(wanted, there)["spec"]["template"]
    assert made["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] == "today"
    assert made["spec"]["topologySpreadConstraints"] == [ours, zones]


def test_the_class_that_the_cluster_gave_an_ingress_stays_until_the_spec_had_one() -> None:
    wanted, there = pair("Ingress", "demo-route", expose={"ingress": {"host": "rag.example.com"}})
    there["spec"]["ingressClassName"] = "default"
    assert replacement(wanted, there)["spec"]["ingressClassName"] == "default"
    own(there, {"f:spec": {"f:ingressClassName": {}}})
    assert "ingressClassName" not in replacement(wanted, there)["spec"]


def test_tokens_of_an_account_stay() -> None:
    wanted, there = pair("ServiceAccount", "demo-api")
    there["imagePullSecrets"] = [{"name": "theirs"}]
    assert replacement(wanted, there)["imagePullSecrets"] == [{"name": "theirs"}]


@pytest.mark.parametrize(
    ("path", "value", "counts"),
    [
        (("status",), {"replicas": 1}, False),
        (("metadata", "resourceVersion"), "9", False),
        (("metadata", "annotations", "deployment.kubernetes.io/revision"), "9", False),
        (("metadata", "labels", "theirs"), "yes", False),
        (("spec", "replicas"), 9, False),
        (("metadata", "labels", "app.kubernetes.io/name"), "edited", True),
        (("metadata", "ownerReferences"), [], True),
        (("spec", "paused"), True, True),
    ],
)
def test_what_counts(path: tuple[str, ...], value: Any, counts: bool) -> None:
    wanted, there = pair("Deployment", "demo-embedding", embedding=AUTOSCALED)
    edited = deepcopy(there)
    at = edited
    for field in path[:-1]:
        at = at[field]
    at[path[-1]] = value
    assert (digest(wanted, there) != digest(wanted, edited)) == counts
    changed = what_changed(wanted, edited, there)
    assert changed.startswith(".".join(path)) if counts else changed == ""


def somebody(fields: Manifest, **more: str) -> Manifest:
    return {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields, **more}


@pytest.mark.parametrize(
    ("entries", "plain"),
    [
        ([], True),
        ([somebody({"f:metadata": {"f:annotations": {"f:theirs": {}}}})], True),
        ([somebody({"f:status": {}}, subresource="status")], True),
        ([somebody({"f:spec": {"f:replicas": {}}}, subresource="scale")], True),
        ([somebody({"f:spec": {"f:paused": {}}})], False),
    ],
)
def test_what_only_we_wrote_is_plainly_right(entries: list[Manifest], plain: bool) -> None:
    wanted, there = pair("Deployment", "demo-api")
    wanted = stamp(wanted)
    assert not untouched(wanted, there)
    own(there, {"f:spec": {}})
    there["metadata"]["managedFields"] += entries
    assert untouched(wanted, there) == plain


@pytest.mark.parametrize(
    "path",
    [
        ("metadata", "labels", "app.kubernetes.io/name"),
        ("metadata", "ownerReferences"),
        ("spec", "replicas"),
        ("spec", "template", "spec", "automountServiceAccountToken"),
        ("spec", "template", "spec", "containers"),
        ("spec", "template", "spec", "volumes", 0, "emptyDir"),
        ("spec", "template", "spec", "containers", 0, "securityContext", "allowPrivilegeEscalation"),
    ],
)
def test_what_is_missing_is_never_plainly_right(path: tuple[str | int, ...]) -> None:
    wanted, there = pair("Deployment", "demo-api")
    own(there, {"f:spec": {}})
    assert untouched(stamp(wanted), there)
    at: Any = there
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    assert not untouched(stamp(wanted), there)


def test_an_amount_that_is_spelt_otherwise_is_plainly_right_and_another_is_not() -> None:
    wanted, there = pair("Deployment", "demo-api", api={"resources": {"requests": {"cpu": "0.5"}}})
    own(there, {"f:spec": {}})
    requests = there["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]
    for amount, plain in (("500m", True), ("501m", False)):
        requests["cpu"] = amount
        assert untouched(stamp(wanted), there) == plain


def test_what_an_api_server_does_not_keep_is_not_missed() -> None:
    wanted, there = pair("NetworkPolicy", "demo-worker")
    own(there, {"f:spec": {}})
    assert there["spec"].pop("ingress") == []
    assert untouched(stamp(wanted), there)


def test_a_claim_that_was_bound_is_plainly_right() -> None:
    wanted, there = pair("PersistentVolumeClaim", "demo-qdrant-data")
    own(there, {"f:spec": {}})
    there["spec"]["volumeName"] = "pv-1"
    there["metadata"]["managedFields"].append(somebody({"f:spec": {"f:volumeName": {}}}))
    assert untouched(stamp(wanted), there)


def test_a_claim_that_somebody_gave_an_owner_is_not_plainly_right() -> None:
    wanted, there = pair("PersistentVolumeClaim", "demo-qdrant-data")
    own(there, {"f:spec": {}})
    there["metadata"]["ownerReferences"] = [{"uid": "x"}]
    assert not untouched(stamp(wanted), there)
