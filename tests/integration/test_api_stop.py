"""The API stops, whatever its clients do."""

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from redis import Redis
from tests.integration.api_process import lone_process
from tests.integration.redis_process import redis_process
from tests.patience import PATIENCE_SECONDS, eventually, patient

from rag_workloads.api.serving import REDIS_SECONDS

HEAD = (
    b"POST /api/v1/documents/upload HTTP/1.1\r\nHost: api\r\nContent-Length: 1000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
)
BEGINNING = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nOnce upon'


def test_a_request_to_a_redis_that_stands_still_keeps_no_pod_from_its_end(tmp_path: Path) -> None:
    settings = {"STORAGE_URL": f"file://{tmp_path}", "ANSWER_SECONDS": "3600"}
    with (
        redis_process() as redis,
        lone_process("/ready", REDIS_URL=redis.connection_url, **settings) as (url, process),
        Redis.from_url(redis.connection_url) as client,
        ThreadPoolExecutor() as thread,
    ):

        def answering() -> bool:
            return "\nactive_connections 2.0\n" in patient.get(f"{url}/metrics").text

        os.kill(redis_id := client.info("server")["process_id"], signal.SIGSTOP)
        try:
            listing = thread.submit(patient.get, f"{url}/api/v1/documents")
            eventually(answering)
            process.terminate()
            refused = listing.result(PATIENCE_SECONDS)
            process.wait(PATIENCE_SECONDS)
        finally:
            os.kill(redis_id, signal.SIGCONT)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:ragpipeline:problem:queue-unavailable")
    assert refused.json()["detail"] == f"Redis did not answer in {REDIS_SECONDS} seconds."


def test_an_upload_that_never_ends_keeps_no_pod_from_its_end(redis_server: str, tmp_path: Path) -> None:
    settings = {"REDIS_URL": redis_server, "STORAGE_URL": f"file://{tmp_path}", "ANSWER_SECONDS": "1"}
    with lone_process("/ready", **settings) as (url, process):
        at = httpx.URL(url)

        def answering() -> bool:
            # One is the upload, the other this question.
            return "\nactive_connections 2.0\n" in patient.get(f"{url}/metrics").text

        with socket.create_connection((at.host, at.port)) as client:
            client.sendall(HEAD + BEGINNING)
            eventually(answering)
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) != -signal.SIGKILL
