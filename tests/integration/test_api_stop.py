"""The API stops, whatever its clients do."""

import signal
import socket
from pathlib import Path

import httpx
from tests.integration.api_process import lone_process
from tests.patience import PATIENCE_SECONDS, eventually, patient

HEAD = (
    b"POST /api/v1/documents/upload HTTP/1.1\r\nHost: api\r\nContent-Length: 1000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
)
BEGINNING = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nOnce upon'


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
