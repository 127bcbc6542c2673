"""The API says of all that it uses, wherever it runs, whether it answers, and why not."""

import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.api_process import client, lone_api
from tests.integration.service_process import running
from tests.integration.tei_server import TeiServer, running_tei_server
from tests.patience import eventually
from tests.ports import free_port


@contextlib.contextmanager
def with_a_certificate_of_its_own(folder: Path) -> Iterator[str]:
    """A server that nobody has a reason to trust."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "rsa:2048",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run([*made, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with HTTPServer(("127.0.0.1", 0), None) as server:  # type: ignore[arg-type]  # nobody gets as far
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def tei() -> Iterator[TeiServer]:
    with running_tei_server() as server:
        yield server


@pytest.fixture
def embedding(tei: TeiServer, redis_server: str, qdrant_url: str) -> Iterator[str]:
    """The embedding service before a server elsewhere."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {
        "PIPELINE": "tests.looks",
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "QDRANT_COLLECTION": f"looks-{port}",
        "EMBEDDING_MODEL": "none",
        "ENGINE": "tei",
        "ENGINE_URL": tei.url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    with running("rag_workloads.embedding", env=settings, probe=f"{url}/ready"):
        yield url


@pytest.fixture
def llm(tmp_path: Path) -> Iterator[str]:
    """The language model's service before a server that cannot be trusted."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with with_a_certificate_of_its_own(tmp_path) as backend:
        settings = {"PIPELINE": "tests.looks", "BACKEND_URL": f"{backend}/v1", "BACKEND_MODEL": "none"}
        env = settings | {"HOST": "127.0.0.1", "PORT": str(port)}
        with running("rag_workloads.llm", env=env, probe=f"{url}/ready"):
            yield url


def asked(api: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/api/v1/stats").raise_for_status().json()["asked"]
    return found


def test_what_does_not_answer_is_told_with_its_cause_until_it_does(
    tei: TeiServer, embedding: str, llm: str, redis_server: str, tmp_path: Path
) -> None:
    tei.key_is_good = False
    settings = {"REDIS_URL": redis_server, "EMBEDDING_URL": embedding, "LLM_URL": llm}
    with lone_api(STORAGE_URL=f"file://{tmp_path}", **settings) as url, client(url) as api:
        found = eventually(lambda: asked(api))
        assert found["redis"] is None
        assert found["vector-store"]["reason"] == "VectorStoreAway"
        assert found["embedding"]["message"] == "HTTP status 401: no such key"
        assert "certificate verify failed" in found["llm"]["message"]
        tei.key_is_good = True
        assert eventually(lambda: asked(api)["embedding"] is None)
