"""The locks in requirements/ hold what pyproject.toml asks for, pinned with hashes; offline."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt") if path.stem not in ("go", "uv"))


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> dict[str, list[str]]:
    """Return each package's pinned versions: more than one where they differ by Python version."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(
        r"^([\w.-]+)==([^ ]+)", (ROOT / "requirements" / f"{lock}.txt").read_text(), re.M
    ):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


def asked(pyproject: dict[str, Any], group: str) -> Iterator[Requirement]:
    """Yield a group's requirements, and those of the groups that it includes."""
    for each in pyproject["dependency-groups"][group]:
        if isinstance(each, str):
            yield Requirement(each)
        else:
            yield from asked(pyproject, each["include-group"])


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_pyproject(lock: str, pyproject: dict[str, Any]) -> None:
    pinned = pins(lock)
    stale = [
        str(requirement)
        for requirement in asked(pyproject, lock)
        if not (versions := pinned.get(canonicalize_name(requirement.name)))
        or not all(requirement.specifier.contains(version, prereleases=True) for version in versions)
    ]
    assert not stale, f"run `make lock`: requirements/{lock}.txt lacks {stale}"


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_leaves_out_what_is_never_imported(lock: str, pyproject: dict[str, Any]) -> None:
    assert not pins(lock).keys() & set(pyproject["tool"]["uv"]["exclude-dependencies"])


@pytest.mark.parametrize("lock", [*LOCKS, "go", "uv"])
def test_every_pin_has_hashes_and_no_index(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    entries = re.split(r"\n(?=\S)", text)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
