"""What is believed of what runs elsewhere."""

from dataclasses import replace

import pytest
from tests.unit.pipelines import EXTERNAL_LLM, MINILM, made_pod, pipeline, run, site

from rag_contract.stats import ComponentProblem, ProblemComponent, QueueStats, Stats
from rag_operator.children import build
from rag_operator.conditions import conditions
from rag_operator.evidence import Evidence, Observed
from rag_operator.indexes import decide
from rag_operator.names import Manifest
from rag_operator.status import Condition, Status

ELSEWHERE: Manifest = {
    "queue": {"external": {"urlSecretRef": {"name": "keys", "key": "redis"}}},
    "vectorStore": {"collection": "docs", "external": {"url": "https://qdrant"}},
    "embedding": {"model": MINILM, "external": {"url": "https://tei"}},
    "llm": EXTERNAL_LLM,
}
PARTS: dict[str, ProblemComponent] = {
    "QueueReady": "redis",
    "VectorStoreReady": "vector-store",
    "EmbeddingReady": "embedding",
    "LLMReady": "llm",
}
Asked = dict[ProblemComponent, ComponentProblem | None]
WELL: Asked = dict.fromkeys(PARTS.values())


def evidence(
    asked: Asked | None, before: Evidence | None = None, ready: dict[str, int] | None = None
) -> Evidence:
    """Return what is seen of a pipeline all of whose servers run elsewhere, after it was seen `before`."""
    known = pipeline(**ELSEWHERE)
    if before:
        known = known.model_copy(update={"status": Status(conditions=conditions(before))})
    stats = None
    if asked is not None:
        stats = Stats(
            documents={},
            searchable=0,
            collection="docs",
            queue=QueueStats(ingest=0, embed=0),
            embedding_model=MINILM,
            asked=asked,
        )
    return Evidence(known, decide(known), Observed(run(build(site(**ELSEWHERE)), ready)), stats=stats)


def judged(seen: Evidence) -> dict[str, Condition]:
    return {each.type: each for each in conditions(seen, seen.pipeline.status.conditions or ())}


def test_servers_elsewhere_are_well_when_the_api_says_so() -> None:
    found = judged(evidence(WELL))
    assert {each.status for each in found.values()} == {"True"}
    assert (found["QueueReady"].reason, found["VectorStoreReady"].reason) == ("External", "External")


@pytest.mark.parametrize(("condition", "component"), list(PARTS.items())[1:])
def test_what_the_api_sees_is_told(condition: str, component: ProblemComponent) -> None:
    message = "certificate verify failed: self-signed certificate"
    problem = ComponentProblem(component=component, reason="Away", message=message)
    found = judged(evidence(WELL | {component: problem}))
    assert [name for name, each in found.items() if each.status == "False"] == [condition, "Ready"]
    for each in (found[condition], found["Ready"]):
        assert (each.reason, each.message) == ("Away", message)


def test_what_is_managed_is_judged_by_its_pods_alone() -> None:
    problem = ComponentProblem(component="vector-store", reason="Away", message="no route")
    seen = evidence({"vector-store": problem})
    managed = pipeline()
    made = run(build(site()))
    found = judged(replace(seen, pipeline=managed, indexes=decide(managed), observed=Observed(made)))
    assert {each.status for each in found.values()} == {"True"}


@pytest.mark.parametrize("asked", [None, {}], ids=["no answer", "an API of an earlier release"])
def test_what_was_never_told_is_unknown(asked: Asked | None) -> None:
    found = judged(evidence(asked))
    unknown = [name for name, each in found.items() if each.status == "Unknown"]
    told = {"QueueReady"} if asked == {} else set()  # its counts are in Redis
    assert unknown == [*(name for name in PARTS if name not in told), "Ready"]
    assert {found[name].reason for name in unknown} == {"NotTold"}


def test_what_was_known_stays_while_an_answer_is_still_to_come() -> None:
    known = evidence(None, before=evidence(WELL))
    starting = replace(known, pending=True)
    assert {judged(starting)[name].status for name in (*PARTS, "Ready")} == {"True"}
    assert {judged(known)[name].status for name in (*PARTS, "Ready")} == {"Unknown"}
    new = replace(evidence(None), pending=True)
    assert {judged(new)[name].status for name in (*PARTS, "Ready")} == {"Unknown"}


def test_without_a_pod_of_the_api_nothing_is_known_of_servers_elsewhere() -> None:
    found = judged(evidence(None, ready={"demo-api": 0}))
    assert {found[name].status for name in PARTS} == {"Unknown"}
    assert (found["Ready"].status, found["Ready"].message) == ("False", "0 of 2 api pods are ready")


def test_what_keeps_a_pod_from_its_start_is_told_and_costs_the_others_nothing() -> None:
    problem = ComponentProblem(component="embedding", reason="EngineAway", message="bad key", starting=True)
    found = judged(replace(evidence(WELL), problems=[problem]))["EmbeddingReady"]
    assert (found.status, found.reason) == ("True", "EngineAway")
    assert found.message.endswith("embedding pods are ready; a pod that starts says: bad key")
    alone = replace(evidence(WELL, ready={"demo-embedding": 0}), problems=[problem])
    found = judged(alone)["EmbeddingReady"]
    assert (found.status, found.reason, found.message) == ("False", "EngineAway", "bad key")


def test_pods_of_the_spec_before_do_not_mislead() -> None:
    seen = evidence(WELL, ready={"demo-api": 0})
    api = seen.observed.workload("demo-api")
    assert api
    waiting = {"name": "api", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    pod = made_pod(api.manifest, containerStatuses=[waiting])
    seen = replace(seen, observed=replace(seen.observed, pods=[pod]))
    assert judged(seen)["ApiReady"].reason == "ImagePullBackOff"
    pod["metadata"]["annotations"]["ragpipeline.dev/template-hash"] = "of the spec before"
    assert judged(seen)["ApiReady"].reason == "Progressing"
