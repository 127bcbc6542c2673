"""A text-embeddings-inference server without a model, which can be told to be busy or broken.

It ranks texts by how many words of the question they have.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VECTOR = [1.0, 0.0]


class TeiServer:
    """Every text has the same vector; `status` is what it answers instead while it is not 200."""

    def __init__(self) -> None:
        self.status = 200
        self.key_is_good = True
        self.refused = 0
        self.url = ""


def ranks(body: dict[str, Any]) -> list[dict[str, float]]:
    """The texts by their scores, best first, as the protocol has it."""
    asked = set(body["query"].lower().split())
    scores = [len(asked & set(text.lower().split())) / len(asked) for text in body["texts"]]
    found = [{"index": index, "score": score} for index, score in enumerate(scores)]
    return sorted(found, key=lambda entry: -entry["score"])


@contextmanager
def running_tei_server() -> Iterator[TeiServer]:
    """Serve on 127.0.0.1 until the block ends."""
    tei = TeiServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if tei.key_is_good:
                self._answer(200, {"model_id": "none", "max_client_batch_size": 32})
            else:
                self._answer(401, {"error": "no such key", "error_type": "Unauthorized"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if tei.status == 200:
                self._answer(200, ranks(body) if self.path == "/rerank" else [VECTOR] * len(body["inputs"]))
            else:
                tei.refused += 1
                self._answer(tei.status, {"error": "no", "error_type": "Overloaded"})

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self, status: int, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tei.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield tei
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
