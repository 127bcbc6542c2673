"""The server: routes, probes, metrics, and the life of its store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from rag_standins.embedded_qdrant import collection_routes, point_routes
from rag_standins.embedded_qdrant.auth import ApiKeyMiddleware
from rag_standins.embedded_qdrant.settings import Settings
from rag_standins.embedded_qdrant.store import Store
from rag_workloads.web.metrics import MetricsMiddleware, metrics_route, nothing_beside

# The release of Qdrant whose requests and answers these are; clients compare it with their own.
API_VERSION = "1.16.3"


def create_app(settings: Settings) -> Starlette:
    """The ASGI app; the store opens when it starts."""
    store = Store(settings.storage.storage_path)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await store.open()
        collector = StoreCollector(store)
        REGISTRY.register(collector)
        maintenance = asyncio.create_task(store.maintain())
        try:
            yield
        finally:
            maintenance.cancel()
            await asyncio.wait([maintenance])
            REGISTRY.unregister(collector)
            await store.close()

    middleware = [Middleware(MetricsMiddleware)]
    if settings.service.api_key:
        middleware.append(Middleware(ApiKeyMiddleware, key=settings.service.api_key.get_secret_value()))
    app = Starlette(
        routes=[
            Route("/", about),
            *(Route(path, healthy) for path in ("/healthz", "/livez", "/readyz")),
            Route("/metrics", metrics_route(nothing_beside)),
            *collection_routes.ROUTES,
            *point_routes.ROUTES,
        ],
        middleware=middleware,
        lifespan=lifespan,
        exception_handlers={HTTPException: framework_error},
    )
    app.state.store = store
    return app


async def about(_: Request) -> JSONResponse:
    """GET /: name and version."""
    return JSONResponse({"title": "qdrant - vector search engine", "version": API_VERSION})


async def healthy(_: Request) -> PlainTextResponse:
    """The probes: the server listens only once every collection is open."""
    return PlainTextResponse("healthz check passed")


async def framework_error(_: Request, error: Exception) -> JSONResponse:
    """404 and 405 of unknown routes in Qdrant's shape."""
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"status": {"error": error.detail}, "time": 0.0}, error.status_code)


class StoreCollector(Collector):
    """Size of the store under Qdrant's metric names."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Called at every scrape."""
        yield GaugeMetricFamily("collections_total", "Collections.", len(self._store.collections))
        points = GaugeMetricFamily("collection_points", "Points in a collection.", labels=["id"])
        for name, collection in self._store.collections.items():
            points.add_metric([name], collection.points)
        yield points
