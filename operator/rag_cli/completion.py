"""Completes `kubectl ragpipeline`: kubectl runs `kubectl_complete-ragpipeline` with the words so far."""

import os
import sys

from rag_cli.main import app

# What kubectl is to complete with beside the lines before it.
NOTHING, FILES = ":4", ":0"


def main() -> None:
    """Print how the last word can go on, a line each, and a directive of kubectl's protocol."""
    words = sys.argv[1:]
    os.environ |= {
        "_RAGPIPELINE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["ragpipeline", *words]),
        "COMP_CWORD": str(len(words)),
    }
    try:
        app(prog_name="ragpipeline", args=[])
    finally:
        print(FILES if words[0] == "upload" else NOTHING)
