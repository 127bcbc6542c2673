"""From outside, through a real Contour and Envoy: by an Ingress, and by an HTTPRoute."""

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from demo.kube import Kube
from demo.steps import Steps

from rag_cli.client import Client
from rag_contract.endpoints import EMBEDDING_PATH
from tests.e2e.routes import EMBED, GATEWAY, HOST, INGRESS, Exposed, exposed
from tests.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

UPLOAD_MIB = 90
NOTES = "The harbour master counts the ships each morning. There were eleven of them on Monday."
TEXT = {"text": "A package must have a maintainer."}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(kube: Kube, steps: Steps, request: pytest.FixtureRequest) -> AsyncIterator[Exposed]:
    if request.config.getoption("--kubeconfig"):
        pytest.skip("Contour is brought to the local cluster only; another has a controller of its own")
    async with exposed(kube, steps) as site:
        yield site


@pytest_asyncio.fixture(
    scope="module", loop_scope="session", params=[INGRESS, GATEWAY], ids=["ingress", "gateway"]
)
async def way_in(site: Exposed, steps: Steps, request: pytest.FixtureRequest) -> Exposed:
    """The pipeline, once Envoy has learnt of the route."""
    expose: dict[str, Any] = request.param
    await site.expose(expose, steps)

    async def answers() -> bool:
        async with site.client() as client:
            try:
                return (await client.get("/live")).status_code == 200
            except httpx.TransportError:
                return False

    await until(answers)
    return site


async def test_the_status_says_how_it_is_reached(way_in: Exposed) -> None:
    pipeline = way_in.pipeline
    resource = await pipeline.kube.get("ragpipeline", pipeline.name, pipeline.namespace)
    assert resource
    assert resource["status"]["url"] == f"http://{HOST}"
    assert (await pipeline.conditions())["RouteReady"]["status"] == "True"


async def test_the_embedding_route_asks_for_a_key_and_the_api_too(way_in: Exposed) -> None:
    async with way_in.client() as stranger, way_in.client(way_in.loader) as loader:
        for path in (EMBED, f"{EMBEDDING_PATH}/embed/batch", "/api/v1/query"):
            answer = await stranger.post(path, json=TEXT)
            assert answer.status_code == 401, path
            assert answer.headers["content-type"] == "application/problem+json"
            refused = await loader.post(path, json=TEXT)
            assert refused.json()["detail"] == "The key 'loader' lacks the scope 'query'."
        assert (await stranger.post("/embed", json=TEXT)).status_code == 404


async def test_three_embedding_pods_share_the_load(way_in: Exposed) -> None:
    assert await way_in.largest_share_over_smallest() <= 1.3


async def test_a_large_upload_arrives_whole(way_in: Exposed, tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    path.write_bytes(b"%PDF-1.7\n" + os.urandom(UPLOAD_MIB << 20))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    async with Client(way_in.url, way_in.key) as api, way_in.client(way_in.key) as client:
        document = (await api.upload(path, "large")).document_id
        kept = await client.head(f"/api/v1/documents/{document}/file")
        assert kept.headers["etag"].strip('"') == digest
        await api.delete(document)


async def test_an_answer_arrives_piece_by_piece(way_in: Exposed, tmp_path: Path) -> None:
    path = tmp_path / "harbour.txt"
    path.write_text(NOTES)
    question = {"query": "How many ships were there on Monday?", "stream": True}
    async with Client(way_in.url, way_in.key) as api, way_in.client(way_in.key) as client:
        await api.upload(path, "harbour")

        async def searchable() -> bool:
            return (await api.stats()).searchable > 0

        await until(searchable)
        async with client.stream("POST", "/api/v1/query", json=question) as answer:
            assert answer.status_code == 200
            pieces = [piece async for piece in answer.aiter_raw() if b"chunk" in piece]
    assert len(pieces) > 1
