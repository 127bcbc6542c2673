"""The flags of llama.cpp's server that a pipeline uses, each with llama.cpp's own environment name."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What to serve and where; 0 threads leaves the number to llama.cpp."""

    model: str
    host: str
    port: int
    ctx_size: int
    parallel: int
    threads: int
    alias: str
    metrics: bool


def parse_options(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Options:
    """Read flags, then LLAMA_ARG_* for what no flag says; anything unknown exits with 2 and a sentence."""
    parser = _parser(environ)
    known, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.error(
            f"{' '.join(unknown)} is not supported by the bundled server; "
            "the image ghcr.io/ggml-org/llama.cpp:server takes every flag of llama.cpp"
        )
    if not known.model:
        parser.error("name a GGUF file with --model or LLAMA_ARG_MODEL")
    return Options(**vars(known))


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    def default(name: str, otherwise: str) -> str:
        return environ.get(f"LLAMA_ARG_{name}", otherwise)

    # No abbreviations: llama.cpp refuses them as well.
    parser = argparse.ArgumentParser("rag_standins.llama_server", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("-m", "--model", default=default("MODEL", ""), help="GGUF file")
    add("--host", default=default("HOST", "127.0.0.1"))
    add("--port", type=int, default=default("PORT", "8080"))
    add(
        "-c",
        "--ctx-size",
        type=int,
        default=default("CTX_SIZE", "0"),
        help="tokens for all slots; 0: the model's",
    )
    add("-np", "--parallel", type=int, default=default("N_PARALLEL", "1"), help="requests answered at once")
    add("-t", "--threads", type=int, default=default("THREADS", "0"), help="0: llama.cpp's choice")
    add("-a", "--alias", default=default("ALIAS", ""), help="model name shown in the API")
    add("--metrics", action="store_true", default=_truthy(default("ENDPOINT_METRICS", "")))
    return parser


def _truthy(value: str) -> bool:
    return value.lower() in {"1", "true", "on", "enabled"}  # the words llama.cpp takes
