"""The CustomResourceDefinition and the models that it is made from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.pipelines import AUTOSCALED, pipeline

from rag_operator.crd import custom_resource_definition
from rag_operator.pipeline import RagPipeline, Spec

ROOT = Path(__file__).parents[2]
CRD = custom_resource_definition()
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
MOVED = (
    "{} cannot move between managed and external, which would leave its data behind; "
    "make a pipeline of another name and upload the documents to it"
)
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for part in ("items", "additionalProperties"):
        if isinstance(schema.get(part), dict):
            yield from nodes(schema[part], f"{path}[]")


def test_the_file_in_the_repository_is_the_generated_one() -> None:
    assert yaml.safe_load((ROOT / "crds" / "ragpipelines.yaml").read_text()) == CRD


def test_the_schema_is_structural() -> None:
    for path, node in nodes(SCHEMA):
        assert not {"$ref", "$defs", "title", "anyOf", "allOf"} & node.keys(), path
        assert "type" in node or "x-kubernetes-int-or-string" in node, path


def test_everything_in_the_spec_is_bounded_and_described() -> None:
    bounds = {
        "string": {"maxLength", "enum"},
        "integer": {"maximum"},
        "number": {"maximum"},
        "array": {"maxItems"},
    }
    for path, node in nodes(SCHEMA["properties"]["spec"]):
        if needed := bounds.get(node.get("type", "")):
            assert needed & node.keys(), f"{path} has no bound"
        if not path.endswith("[]"):
            assert node.get("description", "").endswith("."), f"{path} has no description"


@pytest.mark.parametrize(
    "sentence",
    [
        "exactly one of managed or external must be set",
        "replicas and autoscaling are mutually exclusive",
        "minReplicas must not exceed maxReplicas",
        MOVED.format("queue"),
        MOVED.format("vectorStore"),
        "chunkOverlap must be smaller than chunkSize",
        "changing embedding.dimensions needs a new vectorStore.collection; "
        "vectors of two lengths cannot share one",
        "a volume can grow but never shrink",
        "a ReadWriteOnce cache cannot back more than one replica; use ReadWriteMany or drop cache",
    ],
)
def test_the_rules_are_in_the_schema(sentence: str) -> None:
    messages = {
        rule["message"] for _, node in nodes(SCHEMA) for rule in node.get("x-kubernetes-validations", [])
    }
    assert sentence in messages


def test_no_rule_keeps_a_status_away_from_a_pipeline_that_is_older_than_the_rule() -> None:
    assert not [
        path for path, node in nodes(SCHEMA["properties"]["status"]) if "x-kubernetes-validations" in node
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_have_no_unknown_field(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    Spec.model_validate(document["spec"], extra="forbid")
    assert RagPipeline.model_validate(document).metadata.name == document["metadata"]["name"]


def test_a_field_of_a_newer_version_is_ignored() -> None:
    assert pipeline(somethingNew={"a": 1}).spec == pipeline().spec


def test_the_queue_can_always_ask_for_all_pods() -> None:
    assert pipeline().spec.max_batches_in_flight == 64
    assert pipeline(embedding=AUTOSCALED).spec.max_batches_in_flight == 2 * 4 * 20
    assert pipeline(ingestion={"maxBatchesInFlight": 500}).spec.max_batches_in_flight == 500
