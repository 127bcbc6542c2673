"""What becomes of pip-audit's report."""

from pathlib import Path
from typing import Any

import audit
import pytest

CLEAN: dict[str, Any] = {"name": "redis", "version": "7.1", "vulns": []}
FAULTY = {
    "name": "aiohttp",
    "version": "3.1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.2"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
UNKNOWN = {"name": "arq", "skip_reason": "Dependency not found on PyPI and could not be audited: arq (0.28)"}


@pytest.mark.parametrize(
    ("told", "statuses", "words"),
    [
        ([CLEAN], (0, 0), ["1 packages audited, 0 faults known"]),
        (
            [CLEAN, FAULTY],
            (1, 1),
            [
                "aiohttp 3.1: PYSEC-1, mended in 3.2",
                "aiohttp 3.1: PYSEC-2, mended in no release",
                "2 packages audited, 2 faults known",
            ],
        ),
        (
            [CLEAN, UNKNOWN],
            (2, 0),
            ["not audited: the advisories of 1 of 2 packages cannot be had"],
        ),
    ],
)
def test_only_what_was_looked_up_counts_as_audited(
    told: list[dict[str, Any]], statuses: tuple[int, int], words: list[str]
) -> None:
    found = audit.findings(told)
    assert (found.status(where_possible=False), found.status(where_possible=True)) == statuses
    assert found.words().splitlines() == words


def test_a_fault_is_one_where_others_could_not_be_looked_up() -> None:
    found = audit.findings([FAULTY, UNKNOWN])
    assert found.status(where_possible=True) == 1
    assert found.words().splitlines()[-1].startswith("not audited: ")


def test_of_packages_without_a_report_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = "redis==7.1 \\\n    --hash=sha256:00\n    # via arq\narq==0.28 \\\n    --hash=sha256:11\n"
    (tmp_path / "dev.txt").write_text(pins)
    monkeypatch.setattr(audit, "PINNED", tmp_path)
    monkeypatch.setattr(audit, "_PIP_AUDIT", ("no_such_module",))
    found = audit.findings(audit.report("dev"))
    assert (found.packages, list(found.unknown)) == (2, ["redis", "arq"])
