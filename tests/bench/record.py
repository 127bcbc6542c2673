"""Writes figures to docs/benchmarks/<name>.json with the commit and the date, and all of them as a page."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.paths import ROOT

FOLDER = ROOT / "docs" / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"


def provenance() -> dict[str, str]:
    """Returns the commit, marked if files differ from it, the date, and the machine."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return {
        "commit": f"{commit}-modified" if changed else commit,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
    }


def write(name: str, figures: Mapping[str, Any]) -> Path:
    """Writes one benchmark's figures, which may name a commit of their own, and renders the page anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({**provenance(), **figures}, indent=2) + "\n")
    return path


def read(name: str) -> dict[str, Any]:
    """Returns the figures written last; empty when there are none."""
    path = FOLDER / f"{name}.json"
    figures: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return figures


def _git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=ROOT, text=True).strip()


def _machine() -> str:
    """Returns the number of cores, the CPU's model and the memory."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    model = found.group(1) if found else platform.machine()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB"
