"""The command line with a real API server and operator; no pod runs."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rag_cli.errors import Exit
from rag_cli.main import app
from tests.cluster.api_server import binary
from tests.cluster.kube import NAME, Kube, pipeline
from tests.patience import eventually

pytestmark = pytest.mark.usefixtures("operator")


def run(kube: Kube, *arguments: str) -> Result:
    where = ("--kubeconfig", str(kube.kubeconfig), "--namespace", kube.namespace)
    path = f"{Path(binary('kubectl')).parent}:{os.environ['PATH']}"
    return CliRunner().invoke(app, [*arguments, *where], env={"PATH": path}, catch_exceptions=False)


def test_a_pipeline_is_found_and_told_of(kube: Kube) -> None:
    kube.apply(pipeline(suspend=True))
    eventually(lambda: (kube.condition("Ready") or {}).get("reason") == "Suspended")
    told = run(kube, "status")
    assert told.exit_code == Exit.FAILED
    assert told.output.startswith(f"{kube.namespace}/{NAME} is not ready: the pipeline is suspended.\n")
    assert "✓ SecretsResolved" in told.output
    assert "✗ ApiReady" in told.output
    assert "Set spec.suspend to false." in told.output
    body = json.loads(run(kube, "status", NAME, "--output", "json").stdout)
    assert (body["metadata"]["name"], body["stats"]) == (NAME, None)
    assert {each["type"] for each in body["status"]["conditions"]} > {"Ready", "ApiReady"}


def test_of_two_pipelines_one_must_be_named(kube: Kube) -> None:
    for name in ("one", "two"):
        kube.apply(pipeline(name, suspend=True))
    told = run(kube, "documents")
    assert (told.exit_code, "one, two" in told.output) == (Exit.USAGE, True)
    assert run(kube, "status", "two").exit_code == Exit.FAILED


def test_a_pipeline_that_is_not_there_cannot_be_reached(kube: Kube) -> None:
    told = run(kube, "ask", "What?", "--pipeline", "nowhere")
    assert told.exit_code == Exit.UNREACHABLE
    assert '"nowhere" not found' in told.output


def test_an_api_without_pods_is_told_with_its_condition(kube: Kube) -> None:
    kube.apply(pipeline(suspend=True))
    eventually(lambda: (kube.condition("ApiReady") or {}).get("reason") == "Suspended")
    told = run(kube, "ask", "What?")
    assert told.exit_code == Exit.UNREACHABLE
    assert "the API: the pipeline is suspended." in told.output
