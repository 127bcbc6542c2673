"""The labels of HTTP metrics are as many as the routes and methods are, whatever is sent."""

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from rag_workloads.web.metrics import MetricsMiddleware


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/documents/a", {"method": "GET", "endpoint": "/documents/{id}", "status": "200"}),
        ("PROPFIND", "/documents/a", {"method": "other", "endpoint": "/documents/{id}", "status": "405"}),
        ("BREW", "/coffee", {"method": "other", "endpoint": "unmatched", "status": "404"}),
    ],
)
async def test_an_odd_request_makes_no_label_of_its_own(
    method: str, path: str, labels: dict[str, str]
) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("http_requests_total", labels) or 0

    app = FastAPI()
    app.add_api_route("/documents/{id}", lambda id: id)
    app.add_middleware(MetricsMiddleware)
    before = counted()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        assert str((await client.request(method, path)).status_code) == labels["status"]
    assert counted() == before + 1
