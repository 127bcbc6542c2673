"""The files that the command line uploads: which they are, what their names are, and who writes to them."""

import json
import os
from pathlib import Path

import httpx
import pytest

from rag_cli import prose
from rag_cli.board import Board
from rag_cli.client import Client
from rag_cli.files import Steady, files_in
from rag_cli.uploading import Outcome, Uploading

TEXT = b"The lighthouse was lit in 1863."


async def uploaded(path: Path, bodies: list[bytes] | None = None) -> Outcome:
    """What becomes of a file that an API takes in, which has no document before."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(404)
        (bodies if bodies is not None else []).append(request.content)
        taken = {"document_id": "told", "task_id": "told.1", "status": "pending", "message": ""}
        return httpx.Response(202, json=taken)

    async with Client("http://api", transport=httpx.MockTransport(answer)) as client:
        (outcome,) = await Uploading(client, Board(1)).send([path])
    return outcome


def test_folders_are_searched_and_each_file_is_meant_once(tmp_path: Path) -> None:
    (tmp_path / "b" / ".git").mkdir(parents=True)
    for name in ("b/z.txt", "b/a.txt", "b/.git/config", "c.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "b" / "loop").symlink_to(".")
    (tmp_path / "b" / "broken").symlink_to("nowhere")
    found, left_out = files_in([tmp_path / "c.txt", tmp_path / "b", tmp_path / "b" / "z.txt"])
    assert [path.name for path in found] == ["c.txt", "a.txt", "z.txt"]
    assert not left_out


def test_pictures_of_folders_are_left_out_but_not_those_that_are_named(tmp_path: Path) -> None:
    for name in ("a.txt", "b.PNG", "c.mp4", "d.png"):
        (tmp_path / name).write_text(name)
    found, left_out = files_in([tmp_path, tmp_path / "d.png"])
    assert [path.name for path in found] == ["a.txt", "d.png"]
    said = "Left out of folders, as they hold no text: 2 files (.mp4, .png)."
    assert list(prose.left_out(left_out)) == [said]
    assert list(prose.left_out([])) == []


async def test_a_name_that_is_no_text_is_sent_and_shown_as_far_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_bytes(TEXT)
    bodies: list[bytes] = []
    outcome = await uploaded(path, bodies)
    assert 'filename="caf\N{REPLACEMENT CHARACTER}.txt"'.encode() in bodies[0]
    assert json.loads(outcome.model_dump_json())["path"] == f"{tmp_path}/caf\N{REPLACEMENT CHARACTER}.txt"


async def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(path := tmp_path / "pipe")
    outcome = await uploaded(path)
    assert (outcome.status, str(outcome.error)) == ("refused", "unreadable: It is no regular file.")


async def test_a_document_is_followed_by_the_bytes_that_came(tmp_path: Path) -> None:
    (path := tmp_path / "log.txt").write_bytes(TEXT)
    assert (await uploaded(path)).document_id == "told"


def test_what_is_written_to_a_file_meanwhile_is_not_sent(tmp_path: Path) -> None:
    (path := tmp_path / "log.txt").write_bytes(TEXT)
    with Steady(path) as file, path.open("ab") as log:
        log.write(b"More.")
        log.flush()
        assert [file.read(10), file.read(), file.read(10)] == [TEXT[:10], TEXT[10:], b""]


def test_a_file_that_is_cut_meanwhile_is_told_of(tmp_path: Path) -> None:
    (path := tmp_path / "log.txt").write_bytes(TEXT)
    with Steady(path) as file:
        os.truncate(path, 4)
        assert file.read(10) == TEXT[:4]
        with pytest.raises(OSError, match="It was cut while it was sent"):
            file.read(10)
