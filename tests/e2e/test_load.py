"""Questions and uploads at the same time, without one failure."""

import json
import sys
from pathlib import Path

import pytest
from demo.paths import ROOT
from demo.pipeline import Pipeline
from demo.shell import run

from rag_cli.client import Client
from tests.documents import removed
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCUSTFILE = ROOT / "tests" / "load" / "locustfile.py"
PREFIX = "load-"
ANSWERS = 10


async def test_no_request_fails_under_load(pipeline: Pipeline, client: Client, manual: Path) -> None:
    async with (
        pipeline.kube.forward(f"{pipeline.name}-api", 8000, pipeline.namespace) as url,
        removed(client, PREFIX),
    ):
        options = (
            "--headless",
            "--users",
            "4",
            "--spawn-rate",
            "4",
            "--answers",
            str(ANSWERS),
            "--stop-timeout",
            str(PATIENCE_SECONDS),
        )
        command = (sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--host", url, "--json")
        output = await run(*command, *options)
    requests = {row["name"]: row for row in json.loads(output)}
    for path in ("/api/v1/query", "/api/v1/documents/upload"):
        assert requests[path]["num_requests"] >= ANSWERS
        assert requests[path]["num_failures"] == 0
