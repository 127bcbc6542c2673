"""KEDA's released manifests: fetched once, and only those that are pinned."""

import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from demo import kind
from demo.errors import DemoError
from demo.paths import ROOT

RELEASE = b"kind: List\n"
NOWHERE = "http://127.0.0.1:1/v1/keda.yaml"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kind, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


class Releases(BaseHTTPRequestHandler):
    """A site with one file behind a redirect, as releases are."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/file" else 302)
        self.send_header("Location", "/file")
        self.end_headers()
        self.wfile.write(RELEASE if self.path == "/file" else b"")

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with HTTPServer(("127.0.0.1", 0), Releases) as server:
        monkeypatch.setattr(kind, "KEDA_URL", f"http://127.0.0.1:{server.server_port}/v1/keda.yaml")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


async def test_keda_is_fetched_once(site: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "KEDA_SHA256", sha256(RELEASE).hexdigest())
    path = await kind.keda_manifests()
    monkeypatch.setattr(kind, "KEDA_URL", NOWHERE)
    assert await kind.keda_manifests() == path
    assert path.read_bytes() == RELEASE


async def test_keda_that_is_not_the_pinned_one_is_refused(site: None) -> None:
    with pytest.raises(DemoError, match=rf"is not what KEDA has released as {kind.KEDA_VERSION}: remove it"):
        await kind.keda_manifests()


async def test_keda_that_cannot_be_fetched_may_be_brought(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "KEDA_URL", NOWHERE)
    with pytest.raises(DemoError, match=f"bring it to {cache}/keda.yaml yourself"):
        await kind.keda_manifests()


def test_keda_is_the_one_of_the_compiled_cluster() -> None:
    required = (ROOT / "hack/cluster/modules/keda/go.mod").read_text()
    assert f"require github.com/kedacore/keda/v2 v{kind.KEDA_VERSION} " in required
