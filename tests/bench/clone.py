"""A fresh clone of the repository, with caches of its own that are empty."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo.paths import ROOT
from demo.shell import run


async def commit_of(clone: Path) -> str:
    """Returns what was cloned: it may not be this checkout's commit any more."""
    return (await run("git", "-C", str(clone), "rev-parse", "--short=12", "HEAD")).strip()


@contextmanager
def fresh_clone() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Yields a clone and the environment with its caches for the body; removes both."""
    folder = Path(tempfile.mkdtemp(prefix="ragpipeline-bench-"))
    caches = {
        "XDG_CACHE_HOME": "cache",
        "GOCACHE": "go-build",
        "GOMODCACHE": "go-mod",
        "PIP_CACHE_DIR": "pip",
        "TMPDIR": "tmp",
        "CONTAINERS_STORAGE_CONF": "storage.conf",
        "CLUSTER_STATE": "ragcold",
    }
    (folder / "tmp").mkdir()
    storage = (
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/images"\nrunroot = "{folder}/images-run"\n'
    )
    (folder / "storage.conf").write_text(storage)
    env = {name: str(folder / path) for name, path in caches.items()} | {"GOFLAGS": "-modcacherw"}
    try:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")], check=True)
        yield folder / "clone", env
    finally:
        shutil.rmtree(folder, ignore_errors=True)
