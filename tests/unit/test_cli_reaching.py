"""How the command line reaches an API and what is there: addresses, proxies, ids, names, and long lists."""

from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from rag_cli import show
from rag_cli.answers import Document
from rag_cli.client import Client
from rag_cli.errors import Exit
from rag_cli.finding import find
from rag_cli.following import Follower
from rag_cli.main import app

TIMINGS = {"queued": None, "parsing": None, "embedding": None, "indexing": None}


def document(name: str) -> dict[str, Any]:
    """A document, as the API tells of it."""
    counts = {"pages_done": 0, "pages_without_text": 0, "chunks_done": 0, "attempts": 1, "warnings_total": 0}
    known = {
        "document_id": f"id-of-{name}",
        "task_id": "a.1",
        "file_name": name,
        "sha256": "",
        "created_at": "",
    }
    unknown = dict.fromkeys(("stage", "pages", "chunks", "error"))
    state = {"state": "completed", "progress": 100, "searchable": True, "size_bytes": 1}
    return counts | known | unknown | state | {"tags": [], "warnings": [], "timings": TIMINGS}


def lists(*pages: list[str]) -> httpx.MockTransport:
    """An API with documents of these names, page by page, and none by id."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/api/v1/documents":
            return httpx.Response(422, json={})
        place = int(request.url.params.get("cursor", 0))
        following = str(place + 1) if place + 1 < len(pages) else None
        named = [document(name) for name in pages[place]]
        return httpx.Response(
            200, json={"documents": named, "next_cursor": following, "total": None, "counts": {}}
        )

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--url", "http://[::1", "invalid IPv6 address"),
        ("--url", "127.0.0.1:8000", "relative URL"),
        ("--url", "http://127.0.0.1:99999", "invalid port"),
        ("--api-key", "schlüssel", "only ASCII characters"),
    ],
)
def test_what_can_be_no_address_or_key_is_told_before_anything_is_sent(
    option: str, value: str, said: str
) -> None:
    result = CliRunner().invoke(app, ["documents", option, value], env={"COLUMNS": "200"})
    assert (result.exit_code, said in result.output) == (Exit.USAGE, True), result.output


async def test_a_forwarded_port_is_not_reached_by_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for url in ("http://127.0.0.1:8000", "http://localhost:8000"):
        async with Client(url, transport=httpx.MockTransport(lambda _: httpx.Response(404))) as client:
            assert await client.document("a") is None


@pytest.mark.parametrize(
    ("document_id", "path"),
    [
        ("policy.pdf", b"policy%2Epdf"),
        ("policy?", b"policy%3F"),
        ("a/chunks", b"a%2Fchunks"),
        ("..", b"%2E%2E"),
        ("100%", b"100%25"),
    ],
)
async def test_whatever_stands_in_an_id_it_is_one_part_of_the_path(document_id: str, path: bytes) -> None:
    asked: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(404)

    async with Client("http://api/prefix", transport=httpx.MockTransport(answer)) as client:
        await client.delete(document_id)
    assert asked == [b"/prefix/api/v1/documents/" + path]


async def test_a_document_is_found_by_its_name_among_many_that_contain_it() -> None:
    async with Client("http://api", transport=lists(["not a.txt"], [], ["a.txt"])) as client:
        assert (await find(client, "a.txt")).document_id == "id-of-a.txt"


async def test_pages_of_a_few_documents_are_made_a_list_of_as_many_as_were_asked_for() -> None:
    async with Client("http://api", transport=lists([], ["a"], ["b"], ["c"])) as client:
        page = await client.documents(limit=2)
    assert ([each.file_name for each in page.documents], page.next_cursor) == (["a", "b"], "3")


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.Response(404)])
async def test_where_nothing_has_answered_nothing_is_waited_for(failure: Exception | httpx.Response) -> None:
    attempts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        attempts.append(request.url.path)
        if isinstance(failure, Exception):
            raise failure
        return failure

    async with Client("http://api", transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(httpx.HTTPError):
            await Follower(client, print).listen()
    assert attempts == ["/api/v1/events"]


def test_a_name_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show.documents([Document.model_validate(document("[red] :smile:.txt"))])
    assert "[red] :smile:.txt" in capsys.readouterr().out
