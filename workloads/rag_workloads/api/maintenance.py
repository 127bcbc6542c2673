"""Routes for who runs the pipeline: comparing the stores."""

from fastapi import APIRouter
from pydantic import BaseModel

from rag_workloads.api.serving import PartsOf
from rag_workloads.library.sweep import SweepReport
from rag_workloads.web.problems import Problem, responses

router = APIRouter(prefix="/api/v1/sweep", tags=["maintenance"])


class SweepAsked(BaseModel):
    """A sweep begins soon; its report follows."""

    message: str


@router.post("", status_code=202)
async def ask_for_sweep(parts: PartsOf) -> SweepAsked:
    """Have a worker compare the stores, and remove what is older than an hour and no record names."""
    await parts.library.chores.ask_for_sweep()
    return SweepAsked(message="A worker compares the stores within seconds; GET tells what it found.")


@router.get("", responses=responses(404))
async def last_sweep(parts: PartsOf) -> SweepReport:
    """What the last comparison of the stores found."""
    report = await parts.library.chores.sweep_report()
    if report is None:
        raise Problem(
            404, "no-sweep-yet", "No sweep yet", "The stores were not compared yet; POST asks for it."
        )
    return SweepReport.model_validate_json(report)
