"""The API does what its OpenAPI says, whatever is sent: no 5xx, and no answer that is not described."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.api_process import client, lone_api
from tests.integration.conftest import MODEL, PIPELINE
from tests.integration.service_process import running
from tests.ports import free_port

KEY = "key"
TEXT = b"The harbour museum shows ships of three centuries. Tickets cost nine crowns for adults."
# Those that are kept, and one that is deleted.
KEPT, DELETED = "museum", "gone"
OPTIONS = [
    *("--seed", "1", "--generation-deterministic"),
    *("--max-examples", "25", "--request-timeout", "60", "--continue-on-failure", "--no-color"),
    *("--exclude-path", "/api/v1/events"),  # a stream that ends by no request; `test_events` follows it
]

# That the last message is the user's, and is not empty, is more than a schema can say.
CONFIG = """
[[operations]]
include-path = "/v1/chat/completions"
[operations.checks.positive_data_acceptance]
enabled = false
"""


@pytest.fixture(scope="module")
def api(
    redis_server: str,
    qdrant_url: str,
    embedding_url: str,
    model_folder: Path,
    collection: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The API before a whole pipeline but for a language model."""
    shared = {
        "PIPELINE": PIPELINE,
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "QDRANT_COLLECTION": collection,
        "STORAGE_URL": f"file://{tmp_path_factory.mktemp('objects')}",
        "EMBEDDING_MODEL": MODEL,
    }
    url = f"http://127.0.0.1:{(port := free_port())}"
    worker = {**shared, "MODEL_PATH": str(model_folder), "HOST": "127.0.0.1", "PORT": str(port)}
    with (
        running("rag_workloads.worker", env=worker, probe=f"{url}/ready"),
        lone_api(**shared, EMBEDDING_URL=embedding_url, API_KEY=KEY) as api,
    ):
        yield api


def task_of(caller: httpx.Client, document_id: str) -> str:
    """Upload a document and wait until it is completed; its task."""
    file, form = {"file": ("museum.txt", TEXT)}, {"document_id": document_id}
    task: str = caller.post("/api/v1/documents/upload", files=file, data=form).json()["task_id"]
    while (status := caller.get(f"/api/v1/documents/upload/status/{task}").json())["status"] != "completed":
        assert status["status"] != "failed", status
        time.sleep(0.1)
    return task


def batch_of(caller: httpx.Client) -> str:
    """Upload two files at once; the id of their batch."""
    files = [("file", (name, name.encode())) for name in ("one.txt", "two.txt")]
    return str(caller.post("/api/v1/documents/upload", files=files).json()["batch_id"])


@pytest.fixture(scope="module")
def described(api: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the API says of itself, with examples of ids that there are."""
    with client(api, KEY) as caller:
        schema: dict[str, Any] = caller.get("/openapi.json").json()
        examples = {"task_id": task_of(caller, KEPT), "document_id": KEPT, "batch_id": batch_of(caller)}
        task_of(caller, DELETED)
    for methods in schema["paths"].values():
        for method, operation in methods.items():
            # What one of them may be sent with depends on what was sent with it before.
            parameters = [p for p in operation.get("parameters", []) if p["name"] != "idempotency-key"]
            operation["parameters"] = parameters
            for parameter in parameters:
                if parameter["name"] in examples:
                    parameter["example"] = DELETED if method == "delete" else examples[parameter["name"]]
    path = tmp_path_factory.mktemp("schema") / "openapi.json"
    path.write_text(json.dumps(schema))
    return path


def test_no_request_gets_an_answer_that_is_not_described(api: str, described: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)]
    command = [*program, "run", str(described), "--url", api, *OPTIONS]
    command += ["--header", f"Authorization: Bearer {KEY}", "--report-json-path", str(report)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    print(found.stdout)  # the counts, where pytest is asked for them
    assert found.returncode == 0, found.stdout + found.stderr
