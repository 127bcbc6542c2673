"""How the pipeline is: each part's health, and counts."""

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from rag_workloads.api.parts import Parts, PartsOf
from rag_workloads.library.documents import State

PART_SECONDS = 3

health_router = APIRouter(tags=["health"])
stats_router = APIRouter(prefix="/api/v1", tags=["stats"])


class QueueStats(BaseModel):
    """Entries in each queue, running and waiting."""

    ingest: int
    embed: int


class Stats(BaseModel):
    """Documents by state, queues, and the model that embeds."""

    documents: dict[State, int]
    queue: QueueStats
    embedding_model: str


@health_router.get("/health", responses={503: {"description": "A part is unhealthy"}})
async def health(parts: PartsOf) -> JSONResponse:
    """Every part with "ok" or what is wrong with it; 503 if anything is."""
    checks: dict[str, Awaitable[object]] = {
        "redis": parts.queue.depths(),
        "vector_store": parts.vectors.ready(),
        "embedding": parts.embedding.info(),
    }
    if parts.llm:
        checks["llm"] = parts.llm.ready()
    states = dict(zip(checks, await asyncio.gather(*map(_state, checks.values())), strict=True))
    healthy = all(state == "ok" for state in states.values())
    body = {"status": "healthy" if healthy else "unhealthy", "parts": states}
    return JSONResponse(body, 200 if healthy else 503)


@stats_router.get("/stats")
async def stats(parts: PartsOf) -> Stats:
    """How many documents there are in each state, and how much work waits."""
    depths = await parts.queue.depths()
    return Stats(
        documents=await parts.documents.counts(),
        queue=QueueStats(ingest=depths.ingest, embed=depths.embed),
        embedding_model=parts.settings.embedding_model,
    )


async def ready(parts: Parts) -> None:
    """Raise if Redis or Qdrant does not answer: without them there is nothing that the API can do."""
    await parts.queue.depths()
    await parts.vectors.ready()


async def _state(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(PART_SECONDS):
            await check
    except Exception as error:
        return str(error) or type(error).__name__
    return "ok"
