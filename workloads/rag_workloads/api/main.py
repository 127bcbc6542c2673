"""The API's app."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import Depends, FastAPI, Request, Response
from redis.exceptions import RedisError

from rag_workloads.api import documents, health, questions, uploads
from rag_workloads.api.auth import RequireKey
from rag_workloads.api.parts import Parts
from rag_workloads.api.settings import Settings
from rag_workloads.api.upload import FORM_BYTES
from rag_workloads.web import problems, service
from rag_workloads.web.problems import Unavailable


def create_app(settings: Settings) -> FastAPI:
    """The ASGI app; it connects when it starts."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.parts = parts = await Parts.open(settings)
        yield
        await parts.close()

    async def ready() -> None:
        await health.ready(app.state.parts)

    upload_limit = settings.upload_limit_bytes + FORM_BYTES
    limits = {uploads.router.prefix: upload_limit}
    app = service.create_app("RAG pipeline", lifespan, ready, body_limits=limits)

    @app.exception_handler(RedisError)
    async def redis_is_away(_: Request, error: RedisError) -> Response:
        return Unavailable("queue", str(error) or type(error).__name__).response()

    guarded = [Depends(RequireKey(settings.api_key))]
    for router in (uploads.router, documents.router, questions.router, health.stats_router):
        app.include_router(router, dependencies=guarded, responses=problems.responses(401, 422, 503))
    app.include_router(health.health_router)
    return app
