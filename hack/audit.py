"""Look the pinned Python packages up in PyPI's advisories, by pip-audit.

Ends with 1 where something is known of a package, and with 2 where the advisories of some cannot be had, as
pip-audit itself passes over what it cannot look up. `--where-possible` says the latter and puts up with it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PINNED = Path(__file__).resolve().parents[1] / "requirements"
# Each of the others is a part of the first.
FILES = ("dev", "go", "envoy", "page", "uv")
# For one file, where nothing answers.
SECONDS = 120
_PIP_AUDIT = ("pip_audit", "--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off")


class Findings(NamedTuple):
    """What was found: a line for each known fault, and the packages of which nothing could be learned."""

    packages: int
    faults: Sequence[str]
    unknown: Sequence[str]

    def words(self) -> str:
        """Return them for a reader."""
        if not self.unknown:
            return "\n".join(
                [*self.faults, f"{self.packages} packages audited, {len(self.faults)} faults known"]
            )
        reason = (
            f"not audited: the advisories of {len(self.unknown)} of {self.packages} packages cannot be had"
        )
        return "\n".join([*self.faults, reason])

    def status(self, *, where_possible: bool) -> int:
        """Return the exit status."""
        if self.faults:
            return 1
        return 2 if self.unknown and not where_possible else 0


def findings(dependencies: Sequence[Mapping[str, Any]]) -> Findings:
    """Return what pip-audit's report says of the packages that it was given."""
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    return Findings(len(dependencies), [*_faults(dependencies)], unknown)


def _faults(dependencies: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for package in dependencies:
        for fault in package.get("vulns", ()):
            mended = ", ".join(fault["fix_versions"]) or "no release"
            yield f"{package['name']} {package['version']}: {fault['id']}, mended in {mended}"


def report(name: str) -> list[Mapping[str, Any]]:
    """Return what pip-audit says of one file; of each pin that nothing is known where it has no report."""
    file = PINNED / f"{name}.txt"
    command = [sys.executable, "-m", *_PIP_AUDIT, f"--requirement={file}"]
    try:
        told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
        return list(json.loads(told.stdout)["dependencies"])
    except (ValueError, subprocess.TimeoutExpired):
        pins = (line.partition("==") for line in file.read_text().splitlines() if line[:1].isalnum())
        return [{"name": pin[0], "skip_reason": "pip-audit gave no report"} for pin in pins]


def main() -> int:
    """Audit all; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--where-possible", action="store_true", help="end with 0 where there is no data")
    arguments = parser.parse_args()
    found = findings([package for name in FILES for package in report(name)])
    print(found.words())
    return found.status(where_possible=arguments.where_possible)


if __name__ == "__main__":
    sys.exit(main())
