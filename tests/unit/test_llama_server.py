"""The command line of the bundled llama.cpp server."""

import pytest

from rag_standins.llama_server.options import Options, parse_options


def test_flags_of_the_official_image() -> None:
    flags = "-m /m.gguf --host 0.0.0.0 --port 9 -c 2048 --parallel 2 --threads 3 --alias a --metrics"
    assert parse_options(flags.split(), {}) == Options("/m.gguf", "0.0.0.0", 9, 2048, 2, 3, "a", True)


def test_environment_fills_in_and_flags_win() -> None:
    environ = {"LLAMA_ARG_MODEL": "/env.gguf", "LLAMA_ARG_PORT": "1", "LLAMA_ARG_ENDPOINT_METRICS": "1"}
    options = parse_options(["--port", "2"], environ)
    assert (options.model, options.port, options.metrics) == ("/env.gguf", 2, True)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["-m", "x", "--flash-attn", "on"], "--flash-attn on is not supported by the bundled server"),
        (["-m", "x", "--port", "many"], "invalid int value: 'many'"),
        ([], "name a GGUF file with --model or LLAMA_ARG_MODEL"),
    ],
)
def test_refusals(flags: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parse_options(flags, {})
    assert refused.value.code == 2
    assert sentence in capsys.readouterr().err
