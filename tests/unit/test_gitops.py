"""What tools that know no RagPipeline make of its status: kubectl, kstatus, Flux and Argo CD."""

from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

import cel
import pytest
import yaml
from demo.paths import ROOT
from lupa import lua51
from pydantic import ValidationError
from tests.unit.pipelines import find, made_pod, pipeline, reindexing, resource, run, site

from rag_operator.children import build
from rag_operator.cluster import ClusterError
from rag_operator.crd import NOT_LOOKED_AT
from rag_operator.evidence import Evidence, Observed
from rag_operator.indexes import decide
from rag_operator.names import Manifest
from rag_operator.pipeline import RagPipeline
from rag_operator.resolution import Unresolved
from rag_operator.status import Status
from rag_operator.summary import fail, refuse, summarize

ARGO = (ROOT / "docs/gitops/argocd-health.lua").read_text()
FLUX = yaml.safe_load((ROOT / "docs/gitops/flux-kustomization.yaml").read_text())
EXPRESSIONS: dict[str, str] = FLUX["spec"]["healthCheckExprs"][0]
FAILED = ClusterError(403, "pods is forbidden")


def evidence(ready: dict[str, int] | None = None, **spec: Any) -> Evidence:
    known = pipeline(**spec)
    return Evidence(known, decide(known), Observed(run(build(site(**spec)), ready)))


def with_status(status: Status, **metadata: Any) -> Manifest:
    """Return a pipeline as the API server has it."""
    found = resource() | {"status": status.model_dump(mode="json", by_alias=True, exclude_none=True)}
    return found | {"metadata": found["metadata"] | metadata}


def judged(seen: Evidence, **metadata: Any) -> Manifest:
    return with_status(summarize(seen), **metadata)


def failed(before: Manifest) -> Manifest:
    return with_status(fail(RagPipeline.model_validate(before), FAILED))


def rolling_out(pods_fail: bool) -> Manifest:
    """Return a pipeline whose old pods serve while new ones are on their way, or fail."""
    seen = evidence()
    api = find(list(seen.observed.children), "Deployment", "demo-api")
    api["status"] |= {"replicas": 3, "updatedReplicas": 1}
    terminated = {"exitCode": 1, "message": "the collection docs is another's"}
    crashed = {"name": "api", "state": {"terminated": terminated}}
    pods = [made_pod(api, containerStatuses=[crashed])] if pods_fail else []
    return judged(replace(seen, observed=replace(seen.observed, pods=pods)))


def unreadable() -> Manifest:
    found = judged(evidence())
    found["spec"]["api"] = {"replicas": 0}
    found["metadata"]["generation"] = 4
    try:
        RagPipeline.model_validate(found)
    except ValidationError as error:
        return with_status(refuse(found, error), generation=4)
    raise AssertionError("a spec without a pod of the API was read")


class Told(NamedTuple):
    """What each tool says of a pipeline: whether `kubectl wait` ends, kstatus, Flux, and Argo CD."""

    waited: bool
    kstatus: str
    flux: str
    argo: str


STARTING = Told(False, "InProgress", "InProgress", "Progressing")
READY = Told(True, "Current", "Current", "Healthy")
MOVING = Told(True, "InProgress", "InProgress", "Progressing")
BLOCKED = Told(False, "InProgress", "InProgress", "Degraded")
UNKNOWN = Told(False, "InProgress", "InProgress", "Unknown")
STALLED = Told(False, "Failed", "Failed", "Degraded")

UNRESOLVED = Unresolved("SecretNotFound", "Secret keys does not exist")
ELSEWHERE = {"collection": "docs", "external": {"url": "https://qdrant"}}
WELL = judged(evidence())
CASES: dict[str, tuple[Manifest, Told]] = {
    "that nobody has seen yet": (resource() | {"status": dict(NOT_LOOKED_AT)}, STARTING),
    "whose indexes are decided": (
        with_status(Status(observed_generation=-1, indexes=decide(pipeline()))),
        STARTING,
    ),
    "that nothing is made of yet": (judged(Evidence(pipeline(), decide(pipeline()))), STARTING),
    "that starts": (judged(evidence({"demo-api": 0, "demo-redis": 0})), STARTING),
    "that is ready": (WELL, READY),
    "with a spec that is newer": (WELL | {"metadata": {**WELL["metadata"], "generation": 4}}, STARTING),
    "whose documents are embedded anew": (judged(replace(evidence(), indexes=reindexing(pipeline()))), READY),
    "that rolls out": (rolling_out(pods_fail=False), MOVING),
    "whose new pods fail": (rolling_out(pods_fail=True), MOVING),
    "that lacks a Secret": (judged(replace(evidence(), unresolved=UNRESOLVED)), BLOCKED),
    "that is suspended": (
        judged(evidence(suspend=True)),
        Told(False, "InProgress", "Current", "Suspended"),
    ),
    "whose Qdrant, elsewhere, nobody tells of": (judged(evidence(vectorStore=ELSEWHERE)), UNKNOWN),
    "whose spec cannot be read": (unreadable(), STALLED),
    "whose spec makes no children": (judged(replace(evidence(), unbuilt="why")), STALLED),
    "whose pass failed": (failed(WELL), MOVING),
    "whose passes failed": (failed(failed(WELL)), STARTING),
    "whose first pass failed": (failed(resource() | {"status": dict(NOT_LOOKED_AT)}), STARTING),
    "that is deleted": (
        judged(evidence(), deletionTimestamp="2026-01-01T00:00:00Z"),
        Told(True, "Terminating", "Current", "Healthy"),
    ),
}


def by_kubectl(found: Manifest) -> bool:
    """Return whether `kubectl wait --for=condition=Ready` ends, by its own rules."""
    for each in found["status"].get("conditions", []):
        if each["type"] == "Ready":
            is_stale = each["observedGeneration"] < found["metadata"]["generation"]
            return bool(each["status"] == "True" and not is_stale)
    return False


def by_kstatus(found: Manifest) -> str:
    """Return what kstatus says, by the rules of sigs.k8s.io/cli-utils/pkg/kstatus that hold for any kind."""
    metadata, status = found["metadata"], found.get("status", {})
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return "InProgress"
    for each in status.get("conditions", []):
        if each["status"] == "True" and each["type"] in {"Reconciling", "Stalled"}:
            return "InProgress" if each["type"] == "Reconciling" else "Failed"
    ready = (each["status"] for each in status.get("conditions", []) if each["type"] == "Ready")
    return "Current" if next(ready, "True") == "True" else "InProgress"


def by_flux(found: Manifest) -> str:
    """Return what Flux says with our expressions: the first that holds, once the generation was observed."""
    if found["status"]["observedGeneration"] != found["metadata"]["generation"]:
        return "InProgress"
    for name, says in (("inProgress", "InProgress"), ("failed", "Failed"), ("current", "Current")):
        if cel.evaluate(EXPRESSIONS[name], found):
            return says
    return "InProgress"


def by_argo(found: Manifest) -> dict[str, str]:
    """Run our script as Argo CD does: the object is its only variable, and the result a table."""
    lua = lua51.LuaRuntime()
    lua.globals().obj = lua.table_from(found, recursive=True)
    return dict(lua.execute(ARGO))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_tools_are_told_the_truth_of_a_pipeline(case: str) -> None:
    found, expected = CASES[case]
    argo = by_argo(found)
    assert Told(by_kubectl(found), by_kstatus(found), by_flux(found), argo["status"]) == expected
    assert argo["message"]


def test_without_a_default_in_the_definition_kstatus_would_not_wait_for_the_operator() -> None:
    unseen = deepcopy(resource())
    assert by_kstatus(unseen) == "Current"
    definition = yaml.safe_load((ROOT / "crds/ragpipelines.yaml").read_text())
    status = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert by_kstatus(unseen | {"status": status["default"]}) == "InProgress"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_what_is_normal_is_told_once(case: str) -> None:
    found, _ = CASES[case]
    kinds = [each["type"] for each in found["status"].get("conditions", [])]
    assert len(kinds) == len(set(kinds))
    assert not {"Reconciling", "Stalled"} <= set(kinds)
