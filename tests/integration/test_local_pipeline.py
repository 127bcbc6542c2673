"""`make local`: the quickstart's own containers as processes, from an upload to an answer."""

import os
import re
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from demo.ingest import ingest
from demo.local import running
from demo.shell import run
from demo.steps import Steps
from tests.documents import small_pdf
from tests.manual import README, Part

from rag_cli.client import Client

FACT = "The lighthouse of Hirtshals was lit for the first time on the sixth of January 1863."
QUESTION = "When was the lighthouse of Hirtshals lit?"


async def test_quickstart_answers_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    pdf = small_pdf(tmp_path / "lighthouse.pdf", "Nothing is said here.", FACT)
    steps = Steps()
    async with running(steps) as url, Client(url) as client:
        output = await as_the_pages_say(url, pdf)
        with steps.step("Upload") as step:
            status = await ingest(client, pdf, "lighthouse", step)
        answered = await client.answer(QUESTION)
        assert len(processes_with(f"TMPDIR={tmp_path}")) > 5
    assert "1 completed." in output
    assert "lighthouse.pdf, page 2: " in output
    assert "These bytes are known; nothing changed." in output
    assert "event: citations" in output
    assert status.result
    assert status.result.pages == 2
    assert (answered.citations[0].page, answered.citations[0].quote) == (2, FACT)
    assert answered.answer
    assert processes_with(f"TMPDIR={tmp_path}") == []


async def as_the_pages_say(url: str, pdf: Path) -> str:
    """Use the pipeline by the pages' own commands, but for those that are about a cluster."""
    pages = [Part(README, "### Use it\n"), Part("docs/use.md")]
    whole = "".join(block for page in pages for block in page.commands())
    commands = re.findall(r"^(?:ragpipeline (?!logs)|curl )(?:.*\\\n)*.*", whole, re.MULTILINE)
    script = "\n".join(commands).replace("http://127.0.0.1:8000", url).replace("policy.pdf", str(pdf))
    script = script.replace(f"why {pdf}", f"why {pdf.name}")
    script = script.replace("What must the copyright file of a package contain?", QUESTION)
    assert (script.count(url), len(commands)) == (16, 24)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return await run("bash", "-euc", script, env={"RAGPIPELINE_URL": url, "PATH": path})


def processes_with(variable: str) -> list[str]:
    """The command lines of all processes that were started with an environment variable of that value."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if variable in (folder / "environ").read_bytes().decode(errors="replace").split("\0"):
                found.append((folder / "cmdline").read_text())
    return found
