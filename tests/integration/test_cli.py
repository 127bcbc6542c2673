"""The command line against a pipeline of processes: API, worker, embedding service, and no language model."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.documents import small_pdf
from tests.integration.api_process import lone_api
from tests.integration.conftest import MODEL, PIPELINE
from tests.integration.service_process import environment, running
from tests.patience import PATIENCE_SECONDS, eventually
from tests.ports import free_port
from typer.testing import CliRunner, Result

from rag_cli.errors import Exit
from rag_cli.main import app

LIMIT = 100_000
FACT = "The lighthouse of Hirtshals was lit for the first time on the sixth of January 1863."


@pytest.fixture(scope="module")
def url(
    redis_server: str,
    qdrant_url: str,
    collection: str,
    embedding_url: str,
    model_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    stores = {
        "PIPELINE": PIPELINE,
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "QDRANT_COLLECTION": collection,
        "STORAGE_URL": tmp_path_factory.mktemp("objects").as_uri(),
        "EMBEDDING_MODEL": MODEL,
    }
    port = free_port()
    worker = stores | {"MODEL_PATH": str(model_folder), "HOST": "127.0.0.1", "PORT": str(port)}
    with (
        lone_api(**stores, EMBEDDING_URL=embedding_url, UPLOAD_LIMIT_BYTES=str(LIMIT)) as url,
        running("rag_workloads.worker", env=worker, probe=f"http://127.0.0.1:{port}/ready"),
    ):
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good files, one of them twice, and one each that is broken, too large and hidden."""
    (folder := tmp_path / "manuals" / "more").mkdir(parents=True)
    small_pdf(folder / "lighthouse.pdf", "Nothing is said here.", f"{FACT} {tmp_path}")
    (folder / "same.pdf").write_bytes((folder / "lighthouse.pdf").read_bytes())
    (folder / "notes.txt").write_text(f"Some notes of {tmp_path}.")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 broken " + bytes(str(tmp_path), "ascii"))
    (folder / "large.txt").write_bytes(b"x" * (LIMIT + 1))
    (folder / ".hidden.txt").write_text("Not meant.")
    return tmp_path / "manuals"


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--url", url], catch_exceptions=False)


def said(url: str, *arguments: str, exit: Exit = Exit.WELL) -> Any:
    """What a command says to programs."""
    result = run(url, *arguments, "--output", "json")
    assert result.exit_code == exit, result.output
    return json.loads(result.stdout)


def uploaded(url: str, *arguments: str, exit: Exit = Exit.WELL) -> dict[str, dict[str, Any]]:
    return {Path(each["path"]).name: each for each in said(url, "upload", *arguments, exit=exit)}


def test_a_folder_is_uploaded_once_and_a_bad_file_refuses_itself_only(url: str, folder: Path) -> None:
    first = uploaded(url, str(folder), exit=Exit.FAILED)
    states = {name: each["status"] for name, each in first.items()}
    assert states == {
        "lighthouse.pdf": "completed",
        "same.pdf": "completed",
        "notes.txt": "completed",
        "broken.pdf": "failed",
        "large.txt": "refused",
    }
    assert first["broken.pdf"]["error"]["code"] == "PDF_CORRUPT"
    assert first["large.txt"]["error"]["code"] == "413"
    assert [first[name]["known"] for name in ("lighthouse.pdf", "same.pdf")] in ([False, True], [True, False])
    again = uploaded(url, str(folder), exit=Exit.FAILED)
    assert {name for name, each in again.items() if each["known"]} == {
        "lighthouse.pdf",
        "same.pdf",
        "notes.txt",
    }
    assert first["notes.txt"]["task_id"] == again["notes.txt"]["task_id"]


def test_what_failed_is_told_in_sentences(url: str, folder: Path) -> None:
    result = run(url, "upload", str(folder / "more" / "broken.pdf"), str(folder / "more" / "notes.txt"))
    assert result.exit_code == Exit.FAILED
    assert "broken.pdf: PDF_CORRUPT" in result.output
    assert "1 failed, 1 completed." in result.output
    why = run(url, "why", said(url, "documents", "--name", "broken")["documents"][0]["document_id"])
    assert why.exit_code == Exit.FAILED
    assert "(PDF_CORRUPT)" in why.output
    assert "What to do: " in why.output


def test_a_question_is_answered_with_pages(url: str, folder: Path) -> None:
    uploaded(url, str(folder / "more" / "lighthouse.pdf"))
    question = "When was the lighthouse of Hirtshals lit?"
    result = run(url, "ask", question, "--top-k", "1")
    assert result.exit_code == Exit.WELL
    assert f"lighthouse.pdf, page 2: “{FACT}" in result.output
    answered = said(url, "ask", question, "--top-k", "1")
    assert [each["page"] for each in answered["citations"]] == [2]


def test_a_document_takes_the_place_of_another_and_is_deleted(url: str, folder: Path) -> None:
    lighthouse, notes = folder / "more" / "lighthouse.pdf", folder / "more" / "notes.txt"
    for file, known in ((lighthouse, False), (notes, False), (notes, True)):
        (outcome,) = said(url, "upload", str(file), "--id", "place")
        assert (outcome["document_id"], outcome["known"], outcome["status"]) == ("place", known, "completed")
    assert said(url, "why", "place")["file_name"] == "notes.txt"
    assert said(url, "delete", "place") == [{"document_id": "place", "file_name": "notes.txt"}]
    gone = run(url, "why", "place")
    assert gone.exit_code == Exit.FAILED
    assert "There is no document 'place'" in gone.output


def test_a_document_is_known_by_its_name(url: str, tmp_path: Path) -> None:
    for number in (1, 2):
        (file := tmp_path / str(number) / "the twins.txt").parent.mkdir()
        file.write_text(f"Twin {number} of {tmp_path}.")
    uploaded(url, str(tmp_path))
    both = said(url, "documents", "--name", "the twins")["documents"]
    refused = run(url, "delete", "the twins.txt")
    assert refused.exit_code == Exit.FAILED
    assert all(each["document_id"] in refused.output for each in both)
    said(url, "delete", both[0]["document_id"])
    assert run(url, "delete", "the twins.txt").exit_code == Exit.WELL
    assert said(url, "documents", "--name", "the twins")["documents"] == []


def test_what_failed_is_tried_again_and_nothing_else(url: str, folder: Path) -> None:
    more = folder / "more"
    outcomes = uploaded(url, str(more / "broken.pdf"), str(more / "notes.txt"), exit=Exit.FAILED)
    broken, notes = (outcomes[name]["document_id"] for name in ("broken.pdf", "notes.txt"))
    (tried,) = said(url, "retry", broken)
    assert (tried["document_id"], tried["state"]) == (broken, "pending")
    refused = run(url, "retry", notes)
    assert refused.exit_code == Exit.FAILED
    assert "only what failed or was cancelled is tried again" in refused.output


def test_the_counts_of_an_api_are_its_status(url: str, folder: Path) -> None:
    uploaded(url, str(folder / "more" / "notes.txt"))
    assert said(url, "status")["documents"]["completed"] >= 1
    result = run(url, "status")
    assert result.exit_code == Exit.WELL
    assert "can be asked about" in result.output
    assert "Next:" in result.output


def test_documents_are_sent_without_waiting(url: str, folder: Path) -> None:
    (outcome,) = said(url, "upload", str(folder / "more" / "notes.txt"), "--no-wait")
    assert outcome["status"] in ("pending", "processing", "completed")
    (ended,) = said(url, "upload", str(folder / "more" / "notes.txt"))
    assert (ended["status"], ended["known"], ended["task_id"]) == ("completed", True, outcome["task_id"])


def test_an_upload_that_is_stopped_goes_on_where_it_was(redis_server: str, folder: Path) -> None:
    """Nobody works on the documents, so the upload waits until it is stopped."""
    settings = {"REDIS_URL": redis_server, "STORAGE_URL": (folder.parent / "objects").as_uri()}
    with lone_api(probe="/live", **settings) as url:
        files = [str(folder / "more" / name) for name in ("notes.txt", "lighthouse.pdf")]
        # What a shell runs in the background has been told to ignore it.
        heeding = ("env", "--default-signal=INT")
        command = [*heeding, sys.executable, "-m", "rag_cli", "upload", *files, "--url", url]
        process = subprocess.Popen(command, env=environment({}), stderr=subprocess.PIPE)
        eventually(lambda: len(said(url, "documents")["documents"]) == len(files))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        assert (process.returncode, errors) == (Exit.STOPPED, b"Stopped.\n")
        assert {each["known"] for each in uploaded(url, *files, "--no-wait").values()} == {True}


def test_a_key_is_asked_for_and_its_scope_counts(redis_server: str, folder: Path) -> None:
    keys = json.dumps([{"name": "website", "variable": "API_KEY_0", "scopes": ["query"]}])
    notes = str(folder / "more" / "notes.txt")
    settings = {"STORAGE_URL": (folder.parent / "objects").as_uri(), "API_KEYS": keys, "API_KEY_0": "right"}
    with lone_api(probe="/live", REDIS_URL=redis_server, **settings) as url:
        for key in ("wrong", "right"):
            refused = run(url, "upload", notes, "--api-key", key)
            assert refused.exit_code == Exit.REFUSED
        assert "lacks the scope 'ingest'" in refused.output
