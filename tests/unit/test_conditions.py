"""The conditions of a pipeline."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.pipelines import (
    AUTOSCALED,
    MANAGED_LLM,
    children,
    find,
    made_pod,
    pipeline,
    run,
    site,
)

from rag_contract.stats import ComponentProblem, ProblemComponent
from rag_operator.children import build
from rag_operator.conditions import conditions
from rag_operator.evidence import Evidence, Failure, Observed
from rag_operator.indexes import decide
from rag_operator.names import TEMPLATE_HASH, Component, Manifest
from rag_operator.resolution import Unresolved
from rag_operator.status import Condition

FULL: Manifest = {"embedding": AUTOSCALED, "llm": MANAGED_LLM}
EXTERNAL_QUEUE: Manifest = {"external": {"urlSecretRef": {"name": "keys", "key": "redis"}}}
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)


def evidence(ready: dict[str, int] | None = None, **spec: Any) -> Evidence:
    """Return what is seen of a pipeline whose pods are all ready, but for those named."""
    made = run(build(site(**spec)), ready)
    seen = pipeline(**spec)
    return Evidence(seen, decide(seen), Observed(made, (), spec.get("keda", True)))


def judged(seen: Evidence) -> dict[str, Condition]:
    return {each.type: each for each in conditions(seen, now=FIRST)}


def refused(seen: Evidence, kind: str, component: Component) -> Evidence:
    """Return the same, but for one child that the API server refused."""
    failure = Failure(kind, component, f"{kind} demo-{component}: quota exceeded")
    return replace(seen, failures=[failure])


def reporting(ready: int, *reported: tuple[str, str, str], pods: Sequence[Manifest] = ()) -> Evidence:
    """Return what is seen of a pipeline whose API says something in its Deployment's conditions."""
    seen = evidence({"demo-api": ready})
    api = find(list(seen.observed.children), "Deployment", "demo-api")
    api["status"]["conditions"] = [
        {"type": kind, "status": status, "reason": f"{kind}Reason", "message": message}
        for kind, status, message in reported
    ]
    return replace(seen, observed=replace(seen.observed, pods=pods))


def pod(component: str, **status: Any) -> Manifest:
    return made_pod(children()["Deployment", f"demo-{component}"], **status)


def test_a_pipeline_whose_pods_are_ready_is_ready() -> None:
    found = judged(evidence(**FULL))
    assert list(found) == [
        "SpecAccepted", "SecretsResolved", "StorageReady", "QueueReady", "VectorStoreReady", "EmbeddingReady",
        "LLMReady", "WorkersReady", "ApiReady", "AutoscalingReady", "IndexReady", "Ready",
    ]  # fmt: skip
    assert {each.status for each in found.values()} == {"True"}
    assert {each.observed_generation for each in found.values()} == {3}


def test_a_part_that_is_not_configured_has_no_condition() -> None:
    assert not {"LLMReady", "AutoscalingReady"} & judged(evidence()).keys()


@pytest.mark.parametrize(
    ("seen", "condition", "reason", "message"),
    [
        (evidence({"demo-redis": 0}), "QueueReady", "Progressing", "0 of 1 redis pods are ready"),
        (evidence({"demo-api": 0}), "ApiReady", "Progressing", "0 of 2 api pods are ready"),
        (
            replace(evidence(), unresolved=Unresolved("SecretNotFound", "Secret keys does not exist")),
            "SecretsResolved",
            "SecretNotFound",
            "Secret keys does not exist",
        ),
        (
            refused(evidence(), "Deployment", Component.WORKER),
            "WorkersReady",
            "ApplyFailed",
            "Deployment demo-worker: quota exceeded",
        ),
        (
            refused(evidence(queue=EXTERNAL_QUEUE), "Secret", Component.REDIS),
            "QueueReady",
            "ApplyFailed",
            "Secret demo-redis: quota exceeded",
        ),
        (
            refused(evidence(embedding=AUTOSCALED), "ScaledObject", Component.EMBEDDING),
            "AutoscalingReady",
            "ApplyFailed",
            "ScaledObject demo-embedding: quota exceeded",
        ),
        (
            Evidence(pipeline(), decide(pipeline())),
            "StorageReady",
            "NotCreated",
            "the claims are not created yet",
        ),
        (
            replace(evidence(llm=MANAGED_LLM), llm_image_known=False),
            "LLMReady",
            "ModelImageUnknown",
            "the operator knows no image for the model; set llm.managed.modelImage",
        ),
        (
            replace(evidence({"demo-redis": 0}, llm=MANAGED_LLM), llm_image_known=False),
            "LLMReady",
            "ModelImageUnknown",
            "the operator knows no image for the model; set llm.managed.modelImage",
        ),
        (
            evidence(embedding=AUTOSCALED, keda=False),
            "AutoscalingReady",
            "KedaNotInstalled",
            "KEDA is not installed; the embedding pods stay at minReplicas (1)",
        ),
        (evidence(suspend=True), "QueueReady", "Suspended", "the pipeline is suspended"),
    ],
)
def test_what_fails_first_and_lasts_is_copied_to_ready(
    seen: Evidence, condition: str, reason: str, message: str
) -> None:
    found = judged(seen)
    for each in (found[condition], found["Ready"]):
        assert (each.status, each.reason, each.message) == ("False", reason, message)


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no"}
                ]
            },
            "Unschedulable",
            "pod demo-api-x: no",
        ),
        (
            {"containerStatuses": [{"name": "api", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            "ImagePullBackOff",
            "pod demo-api-x: container api: ImagePullBackOff",
        ),
        (
            {"initContainerStatuses": [{"name": "m", "state": {"waiting": {"reason": "PodInitializing"}}}]},
            "Progressing",
            "0 of 2 api pods are ready",
        ),
    ],
)
def test_a_pod_that_cannot_start_says_why(status: Manifest, reason: str, message: str) -> None:
    seen = evidence({"demo-api": 0})
    observed = replace(seen.observed, pods=[pod("worker", **status), pod("api", **status)])
    found = judged(replace(seen, observed=observed))["ApiReady"]
    assert (found.reason, found.message) == (reason, message)


STUCK = ("Progressing", "False", "it timed out")
FORBIDDEN = ("ReplicaFailure", "True", "exceeded quota")
BACK_OFF = pod(
    "api", containerStatuses=[{"name": "api", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]
)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (reporting(0, STUCK), ("False", "RolloutStuck", "it timed out")),
        (reporting(0, ("Progressing", "True", "")), ("False", "Progressing", "0 of 2 api pods are ready")),
        (reporting(0, STUCK, FORBIDDEN), ("False", "ReplicaFailureReason", "exceeded quota")),
        (
            reporting(0, STUCK, pods=[BACK_OFF]),
            ("False", "ImagePullBackOff", "pod demo-api-x: container api: ImagePullBackOff"),
        ),
        (reporting(2, STUCK), ("True", "RolloutStuck", "2 of 2 api pods are ready; it timed out")),
        (
            reporting(1, FORBIDDEN),
            ("True", "ReplicaFailureReason", "1 of 2 api pods are ready; exceeded quota"),
        ),
    ],
)
def test_the_nearest_cause_is_told_and_old_pods_go_on_serving(
    seen: Evidence, expected: tuple[str, str, str]
) -> None:
    found = judged(seen)["ApiReady"]
    assert (found.status, found.reason, found.message) == expected


CRASHED = pod(
    "api",
    containerStatuses=[
        {
            "name": "api",
            "state": {"running": {}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "it is another's"}},
        }
    ],
)
DEAD = "pod demo-api-x: container api: it is another's"
SERVES = "the pipeline takes documents and answers questions"


@pytest.mark.parametrize(
    ("replicas", "updated", "pods", "reason", "message"),
    [
        (
            3,
            1,
            [],
            "RollingOut",
            "2 of 2 api pods are ready, 2 still of the spec before; new ones are on their way",
        ),
        (
            3,
            1,
            [CRASHED],
            "CrashLoopBackOff",
            f"2 of 2 api pods are ready, 2 still of the spec before; {DEAD}",
        ),
        (2, 2, [CRASHED], "CrashLoopBackOff", f"2 of 2 api pods are ready; {DEAD}"),
    ],
)
def test_a_rollout_that_is_stuck_shows_at_once_while_old_pods_serve(
    replicas: int, updated: int, pods: list[Manifest], reason: str, message: str
) -> None:
    seen = reporting(2, pods=pods)
    api = find(list(seen.observed.children), "Deployment", "demo-api")
    api["status"] |= {"replicas": replicas, "updatedReplicas": updated}
    found = judged(seen)
    assert (found["ApiReady"].status, found["ApiReady"].reason, found["ApiReady"].message) == (
        "True",
        reason,
        message,
    )
    ready = found["Ready"]
    assert (ready.status, ready.reason, ready.message) == ("True", reason, f"{SERVES}; {message}")


def test_what_becomes_of_pods_of_the_template_before_is_not_told() -> None:
    old = deepcopy(CRASHED)
    old["metadata"]["annotations"][TEMPLATE_HASH] = "before"
    assert judged(reporting(2, pods=[old]))["ApiReady"].reason == judged(reporting(2))["ApiReady"].reason
    assert judged(reporting(2, pods=[old, CRASHED]))["ApiReady"].reason == "CrashLoopBackOff"


def test_a_rollout_that_its_controller_has_not_seen_yet_is_no_finished_one() -> None:
    seen = evidence()
    api = find(list(seen.observed.children), "Deployment", "demo-api")
    api["metadata"]["generation"], api["status"]["observedGeneration"] = 2, 1
    found = judged(seen)
    assert (found["ApiReady"].status, found["ApiReady"].reason) == ("True", "RollingOut")
    assert found["Reconciling"].reason == "RollingOut"
    api["spec"]["replicas"] = 3  # only their number has changed
    assert judged(seen)["ApiReady"].reason == "PartlyReady"


def test_the_api_says_why_it_is_not_ready() -> None:
    why = ComponentProblem(component="api", reason="NotReady", message="no such host", starting=True)
    found = judged(replace(evidence({"demo-api": 0}), problems=[why]))
    for each in (found["ApiReady"], found["Ready"]):
        assert (each.status, each.reason, each.message) == ("False", "NotReady", "no such host")


def test_a_refused_child_without_a_condition_of_its_own_is_told_by_ready() -> None:
    found = judged(refused(evidence(), "PrometheusRule", Component.MONITORING))
    ready = found.pop("Ready")
    assert {each.status for each in found.values()} == {"True"}
    assert (ready.status, ready.reason) == ("False", "ApplyFailed")
    assert ready.message == "PrometheusRule demo-monitoring: quota exceeded"


def test_one_ready_pod_serves_while_others_are_on_their_way() -> None:
    found = judged(evidence({"demo-api": 1}))["ApiReady"]
    assert (found.status, found.reason, found.message) == ("True", "PartlyReady", "1 of 2 api pods are ready")


def test_scaled_to_zero_on_purpose_is_ready() -> None:
    found = judged(evidence(workers={"replicas": 0}))
    assert (found["WorkersReady"].reason, found["Ready"].status) == ("ScaledToZero", "True")


@pytest.mark.parametrize(
    ("component", "condition"),
    [
        ("redis", "QueueReady"),
        ("vector-store", "VectorStoreReady"),
        ("embedding", "EmbeddingReady"),
        ("llm", "LLMReady"),
        ("worker", "WorkersReady"),
        ("files", "WorkersReady"),
    ],
)
def test_the_processes_say_what_keeps_them_from_their_work(
    component: ProblemComponent, condition: str
) -> None:
    problem = ComponentProblem(component=component, reason="Away", message="it refuses connections")
    external = {"collection": "docs", "external": {"url": "https://qdrant"}}
    found = judged(replace(evidence(vectorStore=external, **FULL), problems=[problem]))
    assert [name for name, each in found.items() if each.status == "False"] == [condition, "Ready"]
    for each in (found[condition], found["Ready"]):
        assert (each.reason, each.message) == ("Away", "it refuses connections")


def test_the_pods_own_failure_is_told_before_what_follows_from_it() -> None:
    problem = ComponentProblem(component="vector-store", reason="Away", message="it refuses connections")
    found = judged(replace(evidence({"demo-qdrant": 0}), problems=[problem]))["VectorStoreReady"]
    assert (found.reason, found.message) == ("Progressing", "0 of 1 qdrant pods are ready")


def test_a_transition_time_moves_only_with_its_status() -> None:
    before = conditions(evidence({"demo-api": 0}), now=FIRST)
    after = {each.type: each for each in conditions(evidence({"demo-api": 1}), before, now=LATER)}
    assert after["ApiReady"].last_transition_time == "2026-01-02T00:00:00Z"
    assert after["Ready"].last_transition_time == "2026-01-02T00:00:00Z"
    assert after["QueueReady"].last_transition_time == "2026-01-01T00:00:00Z"


def test_keda_speaks_for_the_scaler() -> None:
    seen = evidence(embedding=AUTOSCALED)
    scaler = next(item for item in seen.observed.children if item["kind"] == "ScaledObject")
    scaler["status"] = {"conditions": [{"type": "Fallback", "status": "True"}]}
    assert judged(seen)["AutoscalingReady"].reason == "Fallback"
    scaler["status"] = {
        "conditions": [{"type": "Ready", "status": "False", "reason": "Bad", "message": "why"}]
    }
    found = judged(seen)["AutoscalingReady"]
    assert (found.status, found.reason, found.message) == ("False", "Bad", "why")


def test_a_scaler_whose_readiness_keda_wrote_over_scales_still() -> None:
    seen = evidence(embedding=AUTOSCALED)
    scaler = next(item for item in seen.observed.children if item["kind"] == "ScaledObject")
    scaler["status"] = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
    assert judged(seen)["AutoscalingReady"].reason == "Progressing"
    scaler["status"]["hpaName"] = "keda-hpa-demo-embedding"
    assert judged(seen)["AutoscalingReady"].status == "True"
    scaler["status"]["conditions"][0] |= {"reason": "PartialTriggerError", "message": "why"}
    assert judged(seen)["AutoscalingReady"].reason == "PartialTriggerError"
