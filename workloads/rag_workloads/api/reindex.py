"""Routes about documents being embedded anew for another index, which is to answer in place of this one."""

from fastapi import APIRouter
from pydantic import BaseModel

from rag_contract.stats import Reindex
from rag_workloads.api.parts import Parts
from rag_workloads.api.serving import PartsOf
from rag_workloads.api.views import TaskError
from rag_workloads.library.following import Follower
from rag_workloads.library.indexes import Known
from rag_workloads.library.stuck import Stuck
from rag_workloads.web.problems import Problem, responses

router = APIRouter(prefix="/api/v1/reindex", tags=["reindex"])

FAILURES = 100


class Failure(BaseModel):
    """A document that could not be embedded for the other index, and why."""

    document_id: str
    file_name: str
    error: TaskError | None


class ReindexView(Reindex):
    """How far it is; `failures` and `unable` are some of those that failed or are stuck.

    Both keep the other index waiting.
    """

    failures: list[Failure]
    unable: list[Stuck]


class Retried(BaseModel):
    """How many documents are tried again."""

    documents: int


@router.get("", responses=responses(404))
async def get_reindex(parts: PartsOf) -> ReindexView:
    """How many documents the other index has, and which it cannot get."""
    known = await parts.library.indexes.known()
    found, follower = await progress(parts, known), _follower(parts, known)
    if found is None:
        raise _none()
    failures = [
        Failure(document_id=each.document_id, file_name=each.file_name, error=TaskError.of(each))
        for each in await follower.failed(FAILURES)
    ]
    unable = await follower.stuck(FAILURES)
    return ReindexView(**found.model_dump(), failures=failures, unable=unable)


@router.post("/retry", status_code=202, responses=responses(404))
async def retry(parts: PartsOf) -> Retried:
    """Try again what failed for the other index, some hundred at a time."""
    follower = _follower(parts, await parts.library.indexes.known())
    return Retried(documents=await follower.retry())


async def progress(parts: Parts, known: Known | None) -> Reindex | None:
    """How far the documents are embedded for the index that follows, if one does."""
    follower = parts.follower(known) if known else None
    if known is None or follower is None:
        return None
    counts = (await follower.progress())._asdict()
    target = known.indexes[known.next].collection
    return Reindex(origin=parts.index.collection, target=target, waits=await follower.waits(), **counts)


def _follower(parts: Parts, known: Known | None) -> Follower:
    follower = parts.follower(known) if known else None
    if follower is None:
        raise _none()
    return follower


def _none() -> Problem:
    detail = "The documents are not being embedded for another index."
    return Problem(404, "no-reindex", "There is no re-index", detail)
