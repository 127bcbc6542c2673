"""The route that tells what the pipeline does, for a page that shows it."""

from fastapi import APIRouter

from rag_workloads.api.serving import PartsOf
from rag_workloads.library import activity
from rag_workloads.library.activity import Activity

router = APIRouter(prefix="/api/v1/activity", tags=["stats"])


@router.get("")
async def get_activity(parts: PartsOf) -> Activity:
    """What waits, runs and has failed, who works on it, and documents by minute over the last hour."""
    return await activity.look(parts.library)
