"""Released manifests: fetched once, and only those that are pinned."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from demo import released
from demo.errors import DemoError
from demo.paths import ROOT
from demo.released import KEDA, PROMETHEUS_OPERATOR, Release

RELEASED = b"kind: List\n"
NOWHERE = "http://127.0.0.1:1/v1/gear.yaml"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(released, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


class Releases(BaseHTTPRequestHandler):
    """A site with one file behind a redirect, as releases are."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/file" else 302)
        self.send_header("Location", "/file")
        self.end_headers()
        self.wfile.write(RELEASED if self.path == "/file" else b"")

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def gear() -> Iterator[Release]:
    """A release that is there to be fetched."""
    with HTTPServer(("127.0.0.1", 0), Releases) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1/gear.yaml"
        yield Release("gear", "1.2.3", url, sha256(RELEASED).hexdigest())
        server.shutdown()


async def test_release_is_fetched_once(gear: Release) -> None:
    path = await gear.manifests()
    assert await replace(gear, url=NOWHERE).manifests() == path
    assert path.read_bytes() == RELEASED


async def test_release_that_is_not_the_pinned_one_is_refused(gear: Release) -> None:
    with pytest.raises(DemoError, match=r"is not what gear has released as 1\.2\.3: remove it"):
        await replace(gear, sha256="0" * 64).manifests()


async def test_release_that_cannot_be_fetched_may_be_brought(gear: Release, cache: Path) -> None:
    with pytest.raises(DemoError, match=f"bring it to {cache}/gear-1.2.3.yaml yourself"):
        await replace(gear, url=NOWHERE).manifests()


@pytest.mark.parametrize(
    ("release", "required"),
    [
        (KEDA, "github.com/kedacore/keda/v2"),
        (PROMETHEUS_OPERATOR, "github.com/prometheus-operator/prometheus-operator"),
    ],
)
def test_releases_are_those_of_the_compiled_cluster(release: Release, required: str) -> None:
    modules = (ROOT / "hack/cluster/modules" / release.project / "go.mod").read_text()
    assert f"{required} v{release.version} " in modules
    assert f"/releases/download/v{release.version}/" in release.url
