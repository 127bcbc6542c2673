"""How the pipeline is: each part's health, and counts."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from rag_contract.endpoints import STATS_PATH
from rag_contract.stats import QueueStats, Stats
from rag_workloads import tasks
from rag_workloads.api import reindex
from rag_workloads.api.looks import Looks, checks
from rag_workloads.api.parts import Parts
from rag_workloads.api.serving import PartsAtHand
from rag_workloads.library.collections import VectorStoreError
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.problems import Problems
from rag_workloads.web.problems import Unavailable

# Less than a probe waits, so that its answer can name the part.
PART_SECONDS = 2
OK = "ok"

health_router = APIRouter(tags=["health"])
stats_router = APIRouter(tags=["stats"])


class Health(BaseModel):
    """Every part, with "ok" or what is wrong with it."""

    status: Literal["healthy", "unhealthy"]
    parts: dict[str, str]


class NothingAnswers(Exception):
    """Neither of the two parts answers without which the API can do nothing."""


@health_router.get("/health", responses={503: {"model": Health, "description": "A part is unhealthy"}})
async def health(response: Response, parts: PartsAtHand) -> Health:
    """Each part's health; 503 if one is unhealthy."""
    asked = checks(parts)
    names = [name.replace("-", "_") for name in asked]
    states = dict(zip(names, await asyncio.gather(*map(_state, asked.values())), strict=True))
    healthy = all(state == OK for state in states.values())
    response.status_code = 200 if healthy else 503
    return Health(status="healthy" if healthy else "unhealthy", parts=states)


@stats_router.get(STATS_PATH)
async def stats(parts: PartsAtHand, request: Request) -> Stats:
    """How many documents there are in each state, how much work waits, and what is wrong now."""
    try:
        async with asyncio.timeout(PART_SECONDS):
            return await _counted(parts, request.app.state.looks)
    except TimeoutError as error:
        raise Unavailable("queue", f"Redis gave no answer in {PART_SECONDS} s") from error


async def _counted(parts: Parts, looks: Looks) -> Stats:
    library, index = parts.library, parts.index
    depths = await library.queue.depths()
    known = await library.indexes.known()
    return Stats(
        documents={**await library.records.counts()},
        searchable=await library.records.searchable(index.collection),
        collection=index.collection,
        queue=QueueStats(ingest=depths.ingest, embed=depths.embed),
        embedding_model=index.embedding_model,
        has_words=await _has_words(library),
        index=index.id,
        indexes=sorted(known.indexes) if known else [index.id],
        reindex=await reindex.progress(parts, known),
        asked=looks.asked,
        problems=await Problems(library.queue.redis, index.id).now(),
    )


async def _has_words(library: Library) -> bool:
    """Whether the collection can be searched by words; as all new ones can, while Qdrant does not tell."""
    with contextlib.suppress(VectorStoreError, TimeoutError):
        async with asyncio.timeout(PART_SECONDS):
            return await library.vectors.has_words()
    return True


async def ready(parts: Parts) -> None:
    """Return once Redis or Qdrant answers: with either there is something to do. NothingAnswers if none does.

    A question needs no Redis, and an upload no Qdrant.
    """
    checks = [
        asyncio.create_task(_state(check))
        for check in (parts.library.queue.depths(), parts.library.vectors.ready())
    ]
    reasons = []
    try:
        for state in asyncio.as_completed(checks):
            if (reason := await state) == OK:
                return
            reasons.append(reason)
    finally:
        await tasks.end(*checks)
    raise NothingAnswers("; ".join(reasons))


async def _state(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(PART_SECONDS):
            await check
    except TimeoutError:
        return f"no answer in {PART_SECONDS} s"
    except Exception as error:
        return str(error) or type(error).__name__
    return OK
