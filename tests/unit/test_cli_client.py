"""What the command line makes of an API's answers, and of a kubectl's: exit codes, patience, and streams."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import typer
from typer.testing import CliRunner

from rag_cli import options
from rag_cli.answers import Event
from rag_cli.board import Board
from rag_cli.client import Client
from rag_cli.errors import FORESEEN, CliError, Exit, explain
from rag_cli.following import Follower
from rag_cli.main import app
from rag_cli.patience import patiently
from rag_cli.uploading import Uploading

PROBLEM = {"title": "The queue is full", "detail": "Wait."}
KEY = "a-secret-key"


def client(answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client("http://api", transport=httpx.MockTransport(answer))


def refusal(status: int) -> httpx.HTTPStatusError:
    answer = httpx.Response(status, json=PROBLEM, request=httpx.Request("GET", "http://api"))
    return httpx.HTTPStatusError("", request=answer.request, response=answer)


@pytest.mark.parametrize(
    ("error", "exit"),
    [
        (refusal(401), Exit.REFUSED),
        (refusal(403), Exit.REFUSED),
        (refusal(404), Exit.FAILED),
        (refusal(409), Exit.FAILED),
        (refusal(503), Exit.UNREACHABLE),
        (httpx.ConnectError("connection refused"), Exit.UNREACHABLE),
    ],
)
def test_an_error_has_an_exit_code(error: httpx.HTTPError, exit: Exit) -> None:
    assert explain(error).exit is exit


def test_an_error_of_a_proxy_is_told_by_its_status() -> None:
    answer = httpx.Response(502, text="<html>", request=httpx.Request("GET", "http://api/x"))
    error = httpx.HTTPStatusError("", request=answer.request, response=answer)
    assert str(explain(error)) == "http://api/x answered 502 Bad Gateway."


async def test_what_is_busy_is_asked_again() -> None:
    answers = [httpx.Response(status, headers={"Retry-After": "0"}, json=PROBLEM) for status in (429, 503)]
    answers.append(httpx.Response(404))
    said: list[str] = []
    async with client(lambda _: answers.pop(0)) as api:
        assert await patiently(lambda: api.document("a"), said.append) is None
    assert said == ["The queue is full: Wait."] * 2


async def test_what_says_no_time_to_come_back_is_not_waited_for() -> None:
    async with client(lambda _: httpx.Response(503, json=PROBLEM)) as api:
        with pytest.raises(httpx.HTTPStatusError):
            await patiently(lambda: api.document("a"), print)


async def test_a_key_that_lacks_a_scope_ends_the_upload(tmp_path: Path) -> None:
    (file := tmp_path / "a.txt").write_text("Some text.")
    async with client(lambda _: httpx.Response(403, json=PROBLEM)) as api:
        with pytest.raises(httpx.HTTPStatusError):
            await Uploading(api, Board(1)).send([file])


async def test_a_stream_that_breaks_is_taken_up_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag_cli.following.AGAIN_SECONDS", 0)
    places: list[str | None] = []
    ended = asyncio.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/api/v1/events":
            status = "completed" if ended.is_set() else "pending"
            return httpx.Response(
                200, json={"task_id": "a.1", "document_id": "a", "status": status, "progress": 0}
            )
        places.append(request.headers.get("Last-Event-ID"))
        if len(places) == 1:
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, text="id: 7-0\n\n")
        if len(places) == 2:
            raise httpx.ReadError("cut")
        ended.set()
        told = 'event: reset\nid: 9-0\ndata: {"message": "lost"}\n\n'
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, text=told)

    async with client(answer) as api:
        follower = Follower(api, print)
        listening = asyncio.create_task(follower.listen())
        status = await follower.end("a", "a.1", print)
        listening.cancel()
    assert status
    assert status.status == "completed"
    assert places[:3] == [None, "7-0", "7-0"]


async def test_a_page_of_somebody_else_is_no_api() -> None:
    async with client(lambda _: httpx.Response(200, text="<html>")) as api:
        with pytest.raises(FORESEEN) as refused:
            await api.stats()
    assert explain(refused.value).exit is Exit.UNREACHABLE


def test_a_file_counts_in_each_stage_by_how_much_of_it_is_done() -> None:
    board, file = Board(2), Path("a.pdf")

    def counted() -> dict[str, float]:
        return {bar.description: bar.completed for bar in board.progress.tasks}

    told = {"pages": 4, "pages_done": 2, "chunks": None, "chunks_done": 0}
    event = Event.model_validate({"task_id": "a.1", "document_id": "a", "status": "processing", **told})
    board.sent(file)
    board.move(file, event)
    assert counted() == {"sent": 1, "read": 0.5, "embedded": 0, "ended": 0}
    board.end(file)
    assert counted() == {"sent": 1, "read": 1, "embedded": 1, "ended": 1}


def test_an_api_that_is_away_and_a_usage_that_is_wrong() -> None:
    away = CliRunner().invoke(app, ["why", "a", "--url", "http://127.0.0.1:9"])
    assert (away.exit_code, "cannot be reached" in away.output) == (Exit.UNREACHABLE, True)
    assert CliRunner().invoke(app, ["why"]).exit_code == Exit.USAGE
    assert CliRunner().invoke(app, ["logs", "--url", "http://127.0.0.1:9"]).exit_code == Exit.USAGE


def test_the_key_is_never_shown() -> None:
    given = options.Options(api_key=KEY)
    helped = CliRunner().invoke(app, ["why", "--help"], env={"RAGPIPELINE_API_KEY": KEY})
    assert KEY not in repr(given) + helped.output


@pytest.mark.parametrize(
    ("script", "exit", "said"),
    [
        (None, Exit.UNREACHABLE, "kubectl is not on the PATH"),
        ("echo '{\"items\": []}'", Exit.UNREACHABLE, "There is no RagPipeline in this namespace"),
        (
            """echo 'error: the server doesn'"'"'t have a resource type "ragpipelines"' >&2; exit 1""",
            Exit.UNREACHABLE,
            "its operator is not installed",
        ),
        ("echo 'Error from server (Forbidden): no' >&2; exit 1", Exit.REFUSED, "(Forbidden): no"),
        (
            """echo '{"items": [{"metadata": {"name": "a", "namespace": "n"}},
                                {"metadata": {"name": "b", "namespace": "n"}}]}'""",
            Exit.USAGE,
            "a, b. Name one with --pipeline",
        ),
        (
            """echo '{"items": [{"metadata": {"name": "a", "namespace": "n"}}]}'""",
            Exit.UNREACHABLE,
            "a has no API: the operator has not seen it yet.",
        ),
    ],
)
def test_what_kubectl_says_is_told_in_words(
    tmp_path: Path, script: str | None, exit: Exit, said: str
) -> None:
    if script:
        (kubectl := tmp_path / "kubectl").write_text(f"#!/bin/sh\n{script}\n")
        kubectl.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}" if script else str(tmp_path)
    result = CliRunner().invoke(app, ["documents"], env={"PATH": path})
    assert (result.exit_code, said in result.output) == (exit, True), result.output


def test_errors_within_groups_are_all_said() -> None:
    nested = ExceptionGroup(
        "", [ExceptionGroup("", [CliError("One.", Exit.REFUSED)]), httpx.ReadError("two")]
    )

    async def fail(_: options.Options) -> None:
        raise nested

    failing = typer.Typer()
    failing.command()(options.command(fail))
    result = CliRunner().invoke(failing)
    assert (result.exit_code, result.output) == (Exit.REFUSED, "One.\nThe API cannot be reached: two\n")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["sta"], ["status", ":4"]),
        (["why", "--pip"], ["--pipeline", ":4"]),
        (["upload", "poli"], [":0"]),
    ],
)
def test_kubectl_is_told_how_a_word_goes_on(words: list[str], shown: list[str]) -> None:
    command = [sys.executable, "-c", "from rag_cli.completion import main; main()", *words]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run(command, capture_output=True, text=True, env=path, check=True)
    assert told.stdout.split() == shown


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ([{"chunk": "It is "}, {"chunk": "so."}], "It is so.\n"),
        ([], "No document says anything of it.\n"),
    ],
)
def test_an_answer_without_citations_is_told_as_one(
    monkeypatch: pytest.MonkeyPatch, events: list[dict[str, str]], shown: str
) -> None:
    told = [f"data: {json.dumps(each)}\n\n" for each in events]
    stream = "".join([*told, 'event: citations\ndata: {"citations": []}\n\n'])
    answer = httpx.Response(200, headers={"content-type": "text/event-stream"}, text=stream)
    monkeypatch.setattr("rag_cli.connection.Client", lambda *_: client(lambda _: answer))
    result = CliRunner().invoke(app, ["ask", "What?", "--url", "http://api"])
    assert (result.exit_code, result.output) == (Exit.WELL, shown)
