"""The API's app."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response, Security
from obstore.exceptions import BaseError
from redis.exceptions import OutOfMemoryError, RedisError

from rag_contract.api_keys import Scope
from rag_contract.environment.api import ApiSettings
from rag_workloads import tasks
from rag_workloads.api import (
    activity,
    batches,
    bulk,
    documents,
    events,
    health,
    maintenance,
    measures,
    originals,
    page,
    questions,
    reindex,
    retrieve,
    uploads,
)
from rag_workloads.api.admission import memory_full, storage_full
from rag_workloads.api.looks import Looks
from rag_workloads.api.openai import routes as openai
from rag_workloads.api.serving import REFRESH_SECONDS, Serving
from rag_workloads.api.upload import body_limit
from rag_workloads.jobs.redis_errors import AWAY, IndexRetired
from rag_workloads.library.files import is_full
from rag_workloads.library.records import StoreRefused
from rag_workloads.web import problems, service
from rag_workloads.web.auth import Guard, authorize
from rag_workloads.web.bodies import Pace
from rag_workloads.web.parameters import only_known
from rag_workloads.web.problems import TryLater, Unavailable

CLAIM_AGAIN_SECONDS = 10

log = structlog.get_logger(__name__)

# What a key must allow; statistics are for every key.
SCOPES: list[tuple[APIRouter, list[Scope]]] = [
    (uploads.router, [Scope.INGEST]),
    (batches.router, [Scope.INGEST]),
    (bulk.router, [Scope.INGEST]),  # before documents: no id is meant by its paths
    (documents.router, [Scope.INGEST]),
    (events.router, [Scope.INGEST]),
    (originals.router, [Scope.INGEST]),
    (questions.router, [Scope.QUERY]),
    (retrieve.router, [Scope.QUERY]),
    (reindex.router, [Scope.INGEST]),
    (activity.router, [Scope.INGEST]),
    (maintenance.router, [Scope.ADMIN]),
    (health.stats_router, []),
]


def create_app(settings: ApiSettings) -> FastAPI:
    """The ASGI app; it connects when it starts."""
    guard = Guard.open(settings, os.environ)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.serving = serving = Serving(settings)
        # A question needs no Redis, so that nobody waits long for it here.
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(REFRESH_SECONDS):
                await serving.refresh()
        app.state.claiming = claiming = asyncio.create_task(_claim(serving, settings.owner))
        app.state.looks = looks = Looks()
        watching = [asyncio.create_task(each) for each in (serving.watch(), looks.watch(serving))]
        yield
        await tasks.end(claiming, *watching)
        await serving.close()
        await guard.close()

    async def ready() -> None:
        await health.ready(app.state.serving.parts)

    async def measure() -> None:
        await measures.measure(app.state.serving.parts)

    limits = {uploads.router.prefix: body_limit(settings.upload_limit_bytes)}
    pace = Pace(settings.body_idle_seconds)
    app = service.create_app("RAG pipeline", lifespan, ready, body_limits=limits, pace=pace, measure=measure)

    async def redis_is_away(_: Request, error: Exception) -> Response:
        return Unavailable("queue", str(error) or type(error).__name__).response()

    for away in AWAY:
        app.add_exception_handler(away, redis_is_away)

    @app.exception_handler(IndexRetired)
    async def index_switched(_: Request, __: IndexRetired) -> Response:
        detail = "Another index of the pipeline has begun to answer at this moment."
        return TryLater("index-switched", "The index was switched", detail).response()

    @app.exception_handler(OutOfMemoryError)
    async def redis_is_full(_: Request, __: OutOfMemoryError) -> Response:
        return memory_full().response()

    @app.exception_handler(BaseError)
    async def files_are_away(_: Request, error: BaseError) -> Response:
        return (storage_full() if is_full(error) else Unavailable("files", type(error).__name__)).response()

    app.state.guard = guard
    for router, scopes in SCOPES:
        app.include_router(
            router,
            dependencies=[Security(authorize, scopes=scopes), Depends(only_known)],
            responses=problems.responses(401, 403, 422, 429, 503),
        )
    # A client of OpenAI's may send more than is known here.
    app.include_router(openai.router, dependencies=[Security(authorize, scopes=[Scope.QUERY])])
    app.include_router(health.health_router)
    page.install(app)
    return app


async def _claim(serving: Serving, owner: str) -> None:
    """See whose documents are in Redis, as soon as it answers; StoreRefused if they are another's."""
    while True:
        try:
            await serving.parts.library.claim(owner)
            return await serving.announce()
        except RedisError as error:
            log.error("cannot see whose Redis this is", reason=str(error))
            await asyncio.sleep(CLAIM_AGAIN_SECONDS)


async def end_streams(app: FastAPI) -> None:
    """End what would not end by itself, as the process is about to stop."""
    serving: Serving = app.state.serving
    serving.parts.listeners.end()


def refusal(app: FastAPI) -> str | None:
    """Why the process cannot go on, in words for a human; None while it can."""
    claiming: asyncio.Task[None] | None = getattr(app.state, "claiming", None)
    return tasks.refusal((StoreRefused,), claiming) if claiming else None
