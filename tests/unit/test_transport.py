"""Requests to an API server, here a plain HTTP server of the test's own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from tests.patience import PATIENCE_SECONDS

from rag_operator.transport import Transport


@asynccontextmanager
async def api_server(folder: Path) -> AsyncIterator[Path]:
    """Serve a version to whoever asks; yield the kubeconfig."""

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"major": "1"})

    application = web.Application()
    application.add_routes([web.get("/version", version)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    config = {
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": f"http://{host}:{port}"}}],
        "users": [{"name": "test", "user": {"token": "secret"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    try:
        yield kubeconfig
    finally:
        await runner.cleanup()


@contextmanager
def held_threads() -> Iterator[None]:
    """Hold up the one thread in which the loop looks names up, as a DNS server that is away does."""
    let_go = threading.Event()
    executor = ThreadPoolExecutor(max_workers=1)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(executor)
    loop.run_in_executor(None, let_go.wait)
    try:
        yield
    finally:
        let_go.set()


async def test_requests_need_none_of_the_threads_in_which_names_are_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with api_server(tmp_path) as kubeconfig, Transport.connect(kubeconfig) as transport:
        with held_threads():
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await transport.request("GET", "/version") == {"major": "1"}
