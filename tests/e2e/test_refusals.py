"""Wrong RagPipelines are refused by the API server, with a sentence that says what is wrong."""

import json
from typing import Any

import pytest
import yaml
from demo.install import NAMESPACE
from demo.kube import Kube
from demo.paths import QUICKSTART
from demo.pipeline import Pipeline
from demo.shell import CommandError

pytestmark = pytest.mark.asyncio(loop_scope="session")

AUTOSCALING = {"embedding": {"managed": {"autoscaling": {"minReplicas": 9}}}}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "two sources": (
        {"embedding": {"external": {"url": "http://tei.models:8080"}}},
        "exactly one of managed or external must be set",
    ),
    "fixed and autoscaled": (
        {"embedding": {"managed": {"replicas": 2}}},
        "replicas and autoscaling are mutually exclusive",
    ),
    "fewest above most": (AUTOSCALING, "minReplicas must not exceed maxReplicas"),
    "overlap": (
        {"ingestion": {"chunkSize": 100, "chunkOverlap": 100}},
        "chunkOverlap must be smaller than chunkSize",
    ),
    "queue too short": (
        {"ingestion": {"maxBatchesInFlight": 4}},
        "maxBatchesInFlight must exceed maxReplicas x targetQueueLength",
    ),
}


@pytest.mark.parametrize(("patch", "sentence"), WRONG.values(), ids=WRONG)
async def test_wrong_resource_is_refused(pipeline: Pipeline, patch: dict[str, Any], sentence: str) -> None:
    resource = yaml.safe_load(QUICKSTART.read_text())
    resource["metadata"] = {"name": "wrong", "namespace": NAMESPACE}
    _merge(resource["spec"], patch)
    assert sentence in await _refusal(pipeline.kube, resource)


async def test_new_model_needs_a_new_collection(pipeline: Pipeline) -> None:
    resource = yaml.safe_load(QUICKSTART.read_text())
    resource["metadata"]["namespace"] = NAMESPACE
    resource["spec"]["embedding"]["model"] = "intfloat/e5-small-v2"
    refusal = await _refusal(pipeline.kube, resource)
    assert "changing embedding.model needs a new vectorStore.collection" in refusal


async def _refusal(kube: Kube, resource: dict[str, Any]) -> str:
    with pytest.raises(CommandError) as refused:
        await kube.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(resource))
    return str(refused.value)


def _merge(spec: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(spec.get(key), dict):
            _merge(spec[key], value)
        else:
            spec[key] = value
