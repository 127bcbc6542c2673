"""Manifests that other projects have released: fetched once, and only those that are pinned here."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx

from .errors import DemoError
from .paths import CACHE


@dataclass(frozen=True)
class Release:
    """One version of a project, whose manifests have this hash."""

    project: str
    version: str
    url: str
    sha256: str

    async def manifests(self) -> Path:
        """Returns them, fetched if they were not before; raises DemoError unless they are the pinned ones."""
        path = CACHE / f"{self.project}-{self.version}.yaml"
        if not path.exists():
            content = await self._fetch(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise DemoError(
                f"{path} is not what {self.project} has released as {self.version}: remove it,"
                " then run this again"
            )
        return path

    async def _fetch(self, path: Path) -> bytes:
        try:
            async with httpx.AsyncClient(follow_redirects=True, timeout=60) as http:
                return (await http.get(self.url)).raise_for_status().content
        except httpx.HTTPError as error:
            raise DemoError(
                f"{self.url} cannot be fetched ({error}): bring it to {path} yourself, then run this again"
            ) from error


# The versions of hack/cluster/modules; KEDA, like there, without webhooks.
KEDA = Release(
    "keda",
    "2.21.0",
    "https://github.com/kedacore/keda/releases/download/v2.21.0/keda-2.21.0-core.yaml",
    "e682084c3a93b8adc30fb22f2e63a1604ef1832d31769976a40682c5fa745927",
)
PROMETHEUS_OPERATOR = Release(
    "prometheus-operator",
    "0.85.0",
    "https://github.com/prometheus-operator/prometheus-operator/releases/download/v0.85.0/bundle.yaml",
    "602f3a0c4f91952cfbbaedeed6542a8231134537191965275b9e2c2e05aeab72",
)
