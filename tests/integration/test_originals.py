"""The file of a document, whole and in parts, and what a browser may do with it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from tests.integration.api_process import client, lone_api

CONTENT = b"<script>alert(1)</script>" * 200_000  # more than the store reads at once
SIZE = len(CONTENT)
FILE = "/api/v1/documents/page/file"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="module")
def api(redis_server: str, folder: Path) -> Iterator[httpx.Client]:
    """An API with a document, which nobody works on."""
    with lone_api(REDIS_URL=redis_server, STORAGE_URL=folder.as_uri()) as url, client(url) as api:
        upload(api, "page", CONTENT)
        yield api


def upload(api: httpx.Client, document_id: str, content: bytes) -> None:
    answer = api.post(
        "/api/v1/documents/upload",
        files={"file": ("手册 1.html", content, "text/html")},
        data={"document_id": document_id},
    )
    assert answer.status_code == 202, answer.text


def test_a_file_is_given_back_as_it_came_and_runs_nowhere(api: httpx.Client) -> None:
    answer = api.get(FILE)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    assert unquote(disposition.rpartition("''")[2]) == "手册 1.html"


def test_head_says_the_same_without_the_file(api: httpx.Client) -> None:
    whole, head = api.get(FILE), api.head(FILE)
    assert (head.status_code, head.content) == (200, b"")
    own = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in whole.headers.items() if k not in own
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=7-11", 7, 12),
        ("bytes=-5", SIZE - 5, SIZE),
        ("bytes=1000-", 1000, SIZE),
        (f"bytes={SIZE - 1}-{SIZE + 99}", SIZE - 1, SIZE),
    ],
)
def test_a_range(api: httpx.Client, asked: str, start: int, end: int) -> None:
    answer = api.get(FILE, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"


def test_a_range_of_another_file_is_the_whole_of_this_one(api: httpx.Client) -> None:
    etag, part = api.head(FILE).headers["etag"], {"Range": "bytes=0-4"}
    assert api.get(FILE, headers={**part, "If-Range": etag}).status_code == 206
    assert api.get(FILE, headers={**part, "If-Range": '"other"'}).content == CONTENT
    known = api.get(FILE, headers={**part, "If-None-Match": etag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)


def test_a_range_beyond_the_end(api: httpx.Client) -> None:
    answer = api.get(FILE, headers={"Range": f"bytes={SIZE}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"
    assert answer.json()["type"].endswith(":range-not-satisfiable")


def test_the_bytes_that_came_last(api: httpx.Client) -> None:
    for content in (b"first", b"second"):
        upload(api, "twice", content)
        assert api.get("/api/v1/documents/twice/file").content == content


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_that_is_gone(api: httpx.Client, folder: Path, method: str) -> None:
    assert api.request(method, "/api/v1/documents/none/file").status_code == 404
    lost = f"lost-{method}"
    upload(api, lost, b"soon gone")
    (path,) = (folder / "documents" / lost).iterdir()
    path.unlink()
    answer = api.request(method, f"/api/v1/documents/{lost}/file")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    if method == "GET":
        assert answer.json()["type"].endswith(":file-missing")
