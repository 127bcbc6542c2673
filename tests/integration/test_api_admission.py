"""Which uploads are let in: decided before their body is read, and what is refused leaves nothing."""

import contextlib
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from redis import Redis
from tests.integration.api_process import lone_api
from tests.integration.redis_process import redis_process
from tests.patience import PATIENCE_SECONDS, patient

PATH = "/api/v1/documents/upload"
FORM = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n%s\r\n--XX--\r\n'


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with redis_process() as server:
        yield Redis.from_url(server.connection_url)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="module")
def settings(redis: Redis, files: Path) -> dict[str, str]:
    port = redis.connection_pool.connection_kwargs["port"]
    return {"REDIS_URL": f"redis://127.0.0.1:{port}", "STORAGE_URL": f"file://{files}"}


@pytest.fixture(scope="module")
def narrow(settings: dict[str, str]) -> Iterator[str]:
    """An API with room for one upload at once, and for two documents that wait; nobody works on them."""
    with lone_api(MAX_UPLOADS="1", MAX_DOCUMENTS_WAITING="2", **settings) as url:
        yield url


@pytest.fixture
def api(narrow: str, redis: Redis) -> str:
    redis.flushall()
    return narrow


@contextlib.contextmanager
def begun(url: str, body: bytes, length: int | None = None) -> Iterator[socket.socket]:
    """An upload whose headers are sent, and whose client waits to be told to go on."""
    address = urlsplit(url)
    stated = len(body) if length is None else length
    headers = f"POST {PATH} HTTP/1.1\r\nHost: api\r\nContent-Length: {stated}\r\nExpect: 100-continue\r\n"
    kind = "Content-Type: multipart/form-data; boundary=XX\r\nConnection: close\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall((headers + kind).encode())
        yield connection


def answer(connection: socket.socket) -> str:
    """What is answered until the connection closes."""
    received = b""
    while data := connection.recv(65_536):
        received += data
    return received.decode()


def upload(url: str, text: bytes) -> httpx.Response:
    return patient.post(f"{url}{PATH}", files={"file": ("a.txt", text)})


def kept(files: Path) -> int:
    return len([path for path in files.rglob("*") if path.is_file()])


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["retry-after"] == "5"
    return response.status_code, response.json()["type"].removeprefix("urn:ragpipeline:problem:")


def test_one_more_upload_than_may_run_at_once_is_refused(api: str, files: Path) -> None:
    body, before = FORM % b"slow", kept(files)
    with begun(api, body) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100"), "its body is read: it has the place"
        assert problem(upload(api, b"fast")) == (503, "uploads-busy")
        connection.sendall(body)
        assert "HTTP/1.1 202" in answer(connection)
    assert upload(api, b"fast").status_code == 202
    assert kept(files) == before + 2


def test_a_client_that_leaves_gives_its_place_back(api: str, files: Path) -> None:
    body, before = FORM % b"never ends", kept(files)
    with begun(api, body) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100")
        connection.sendall(body[:-10])
    assert upload_when_there_is_room(api).status_code == 202
    assert kept(files) == before + 1


def upload_when_there_is_room(url: str) -> httpx.Response:
    while (response := upload(url, b"next")).status_code == 503:
        assert problem(response) == (503, "uploads-busy")
    return response


def test_a_client_that_stands_still_loses_its_place(settings: dict[str, str], files: Path) -> None:
    body, before = FORM % b"stands still", kept(files)
    with lone_api(MAX_UPLOADS="1", BODY_IDLE_SECONDS="0.5", **settings) as url:
        with begun(url, body) as connection:
            connection.sendall(body[:-10])
            refused = answer(connection)
        assert "HTTP/1.1 408" in refused
        assert "urn:ragpipeline:problem:request-timeout" in refused
        assert kept(files) == before
        with begun(url, body) as connection:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 100"), "the place is free again"


def test_while_too_many_documents_wait_none_is_read(api: str, files: Path) -> None:
    assert [upload(api, text).status_code for text in (b"one", b"two")] == [202, 202]
    before = kept(files)
    with begun(api, FORM % b"three") as connection:
        refused = answer(connection)
    assert refused.startswith("HTTP/1.1 503"), "no 100: the body was not asked for"
    assert "urn:ragpipeline:problem:queue-full" in refused
    assert "retry-after: 5" in refused.lower()
    assert kept(files) == before


def test_a_redis_without_memory_takes_no_document(api: str, redis: Redis, files: Path) -> None:
    before = kept(files)
    redis.config_set("maxmemory", 1)
    try:
        refused = upload(api, b"four")
    finally:
        redis.config_set("maxmemory", 0)
    assert problem(refused) == (503, "queue-full")
    assert refused.json()["detail"] == "Redis has no memory left."
    assert kept(files) == before
    assert upload(api, b"four").status_code == 202


def test_a_redis_that_is_full_by_the_time_of_the_last_byte_keeps_no_file(
    api: str, redis: Redis, files: Path
) -> None:
    body, before = FORM % b"too late", kept(files)
    with begun(api, body) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100")
        redis.config_set("maxmemory", 1)
        try:
            connection.sendall(body)
            refused = answer(connection)
        finally:
            redis.config_set("maxmemory", 0)
    assert refused.startswith("HTTP/1.1 503")
    assert "urn:ragpipeline:problem:queue-full" in refused
    assert kept(files) == before


def test_a_redis_that_misses_its_replicas_takes_no_document(api: str, redis: Redis, files: Path) -> None:
    before = kept(files)
    redis.config_set("min-replicas-to-write", 1)
    try:
        refused = upload(api, b"six")
    finally:
        redis.config_set("min-replicas-to-write", 0)
    assert problem(refused) == (503, "queue-unavailable")
    assert kept(files) == before


def test_a_command_that_redis_refuses_is_our_mistake(settings: dict[str, str], redis: Redis) -> None:
    redis.flushall()
    with lone_api(PIPELINE="tests.mistaken", **settings) as url:
        redis.set("tests.mistaken:docs", "no index")
        answer = patient.get(f"{url}/api/v1/documents")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:ragpipeline:problem:internal")


def test_all_files_of_a_form_must_have_room(settings: dict[str, str], files: Path) -> None:
    before, free = kept(files), shutil.disk_usage(files).free
    # Ten of the largest files may come in a form: together they are more than there is room for.
    with lone_api(UPLOAD_LIMIT_BYTES=str(free // 5), **settings) as url:
        length = (free // 5) * 8
        with begun(url, b"", length) as connection:
            refused = answer(connection)
    assert refused.startswith("HTTP/1.1 503"), "no 100: the body was not asked for"
    assert "urn:ragpipeline:problem:storage-full" in refused
    assert kept(files) == before


def test_a_volume_without_room_takes_no_document(settings: dict[str, str], files: Path) -> None:
    before = kept(files)
    with lone_api(UPLOAD_LIMIT_BYTES=str(1 << 60), **settings) as url:
        assert problem(upload(url, b"five")) == (503, "storage-full")
    assert kept(files) == before
