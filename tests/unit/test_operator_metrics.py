"""What the operator tells of a pipeline as metrics, and that it tells nothing of one that is gone."""

from prometheus_client import REGISTRY
from tests.unit.pipelines import pipeline

from rag_operator import metrics
from rag_operator.status import ComponentStatus, Condition, Status

METADATA = pipeline().metadata
OWN = {"namespace": METADATA.namespace, "pipeline": METADATA.name}


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, OWN | labels)


def condition(name: str, status: str) -> Condition:
    time = "2026-01-01T00:00:00Z"
    return Condition(
        type=name, status=status, reason="R", message="", last_transition_time=time, observed_generation=1
    )


def test_each_condition_and_the_pods_of_each_component_are_told() -> None:
    metrics.observe_status(
        METADATA,
        Status(
            conditions=[condition("Ready", "False"), condition("LLMReady", "True")],
            components={"embedding": ComponentStatus(ready="2/4", image="i")},
        ),
    )
    assert sample("ragpipeline_condition", type="Ready") == 0
    assert sample("ragpipeline_condition", type="LLMReady") == 1
    assert sample("ragpipeline_condition", type="QueueReady") is None
    assert sample("ragpipeline_replicas_ready", component="embedding") == 2
    assert sample("ragpipeline_replicas_wanted", component="embedding") == 4


def test_a_condition_and_a_component_that_are_no_more_are_told_no_more() -> None:
    components = {"llm": ComponentStatus(ready="1/1", image="i")}
    metrics.observe_status(
        METADATA, Status(conditions=[condition("LLMReady", "True")], components=components)
    )
    metrics.observe_status(METADATA, Status(conditions=[condition("Ready", "True")]))
    assert sample("ragpipeline_condition", type="LLMReady") is None
    assert sample("ragpipeline_replicas_ready", component="llm") is None
    assert sample("ragpipeline_condition", type="Ready") == 1


def test_nothing_is_told_of_a_pipeline_that_is_gone() -> None:
    metrics.observe_status(METADATA, Status(conditions=[condition("Ready", "True")]))
    metrics.forget(METADATA.namespace, METADATA.name)
    assert sample("ragpipeline_condition", type="Ready") is None
