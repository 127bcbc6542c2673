"""Commands that are not understood end with 2 and a sentence; no API is asked."""

import pytest
from typer.testing import CliRunner

from rag_cli.errors import Exit
from rag_cli.main import app

NOWHERE = ("--url", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", "", *NOWHERE], "The question is empty."),
        (["ask", " ", "", *NOWHERE], "The question is empty."),
        (["documents", "--state", "broken", *NOWHERE], "'completed', 'failed', 'cancelled'"),
        (["status", "--url", "127.0.0.1:8000"], "is it http://127.0.0.1:8000?"),
        (["upload", "FOLDER", *NOWHERE], "There is no file that holds text."),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(
    arguments: list[str], said: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = str(tmp_path_factory.mktemp("empty"))
    result = CliRunner().invoke(app, [empty if each == "FOLDER" else each for each in arguments])
    assert result.exit_code == Exit.USAGE
    assert said in " ".join(result.output.replace("│", "").split())


def test_words_need_no_quotes() -> None:
    result = CliRunner().invoke(app, ["ask", "What", "is", "it?", *NOWHERE])
    assert result.exit_code == Exit.UNREACHABLE


def test_the_version_is_told_without_a_command() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output.split()[0]) == (Exit.WELL, "ragpipeline")


def test_help_says_what_the_command_line_is_for() -> None:
    result = CliRunner().invoke(app, [])
    assert "Use a RagPipeline" in result.output
