"""The API as a process of its own, before Redis and Qdrant; nothing embeds behind it."""

import contextlib
import subprocess
from collections.abc import Iterator

import httpx
from tests.integration.service_process import running
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

NOWHERE = "http://127.0.0.1:9"  # the port of the discard protocol, which nobody serves


@contextlib.contextmanager
def lone_process(probe: str, **settings: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """As `lone_api`, with the process."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    defaults = {
        "PIPELINE": f"tests.api-{port}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "QDRANT_URL": NOWHERE,
        "QDRANT_COLLECTION": "lone",
        "REDIS_URL": NOWHERE.replace("http", "redis"),
        "EMBEDDING_URL": NOWHERE,
        "EMBEDDING_MODEL": "none",
    }
    with running("rag_workloads.api", env=defaults | settings, probe=f"{url}{probe}") as process:
        yield url, process


@contextlib.contextmanager
def lone_api(probe: str = "/ready", **settings: str) -> Iterator[str]:
    """The URL of an API that answers `probe`, with these settings and defaults for what it must have."""
    with lone_process(probe, **settings) as (url, _):
        yield url


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status of an answer that is a problem, and the last part of its type."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def client(url: str, key: str | None = None) -> httpx.Client:
    """A client of an API, with a key."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=url, headers=headers, timeout=PATIENCE_SECONDS)
