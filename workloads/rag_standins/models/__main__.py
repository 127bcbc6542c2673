"""`python -m rag_standins.models minilm|minilmcut|e5small|smollm2 --out DIR`: write one model's folder."""

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

# Each model's module is imported only when asked for: copying a GGUF must not need OpenVINO.
WRITERS = {
    "minilm": ("minilm", "write_minilm"),
    "minilmcut": ("minilm", "write_cut"),
    "e5small": ("e5", "write_e5_small"),
    "smollm2": ("smollm2", "write_smollm2"),
}


def main() -> None:
    """Parse the command line and write the model."""
    parser = argparse.ArgumentParser(prog="rag_standins.models", description=__doc__)
    parser.add_argument("model", choices=WRITERS)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into; made if absent")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    module, function = WRITERS[args.model]
    write = cast(Callable[[Path], None], getattr(import_module(f"rag_standins.models.{module}"), function))
    write(args.out)


if __name__ == "__main__":
    main()
