"""The route that finds passages, without the language model."""

from dataclasses import asdict
from typing import Self

from fastapi import APIRouter, Request
from pydantic import BaseModel

from rag_workloads.api.passages import Passage
from rag_workloads.api.retrieval import Report
from rag_workloads.api.search_request import SearchRequest
from rag_workloads.api.serving import PartsAtHand
from rag_workloads.api.stopwatch import Stopwatch
from rag_workloads.web.deadlines import Deadline
from rag_workloads.web.disconnects import until_disconnect
from rag_workloads.web.problems import responses

router = APIRouter(prefix="/api/v1", tags=["questions"])


class Explanation(BaseModel):
    """Why a passage is where it is: each is null where it is not known.

    `rank` (from 1) is its place in the search, `cosine` its nearness by meaning (-1 to 1), `bm25` by words
    (from 0 on). `rerank` is larger for what was ranked higher afterwards.
    """

    rank: int
    cosine: float | None
    bm25: float | None
    rerank: float | None


class FoundPassage(BaseModel):
    """A chunk that was found, with its neighbours if they were asked for: `chunk_ids` are all of them.

    `page`, and `line` in a file without pages (both from 1), are where `text` begins, `heading` is the one
    that it stands under. `scores` are null where the pipeline gives out none.
    """

    document_id: str
    file_name: str
    chunk_id: str
    chunk_ids: list[str]
    page: int
    heading: str | None
    line: int | None
    text: str
    scores: Explanation | None

    @classmethod
    def of(cls, passage: Passage, shows_scores: bool) -> Self:
        """A passage as clients see it."""
        hit, first = passage.hit, passage.chunks[0]
        return cls(
            document_id=hit.document_id,
            file_name=hit.file_name,
            chunk_id=hit.chunk_id,
            chunk_ids=[chunk.chunk_id for chunk in passage.chunks],
            page=first.page_at(0),
            heading=first.heading,
            line=first.line_at(0),
            text=passage.text,
            scores=Explanation(**asdict(hit.scores)) if shows_scores else None,
        )


class Retrieved(BaseModel):
    """The passages, best first; `timings` are seconds by step."""

    passages: list[FoundPassage]
    retrieval: Report
    timings: dict[str, float]


@router.post("/retrieve", response_model=Retrieved, responses=responses(400, 408, 413, 415, 502, 504))
async def retrieve(wanted: SearchRequest, request: Request, parts: PartsAtHand) -> Retrieved:
    """Find passages for a question, without the language model."""
    watch = Stopwatch()
    with watch.time("retrieval"):
        async with Deadline(parts.settings.answer_seconds).limit():
            search = wanted.search(parts.settings)
            found = await until_disconnect(request, parts.retrieval.search(search))
    passages = [FoundPassage.of(passage, found.shows_scores) for passage in found.passages]
    return Retrieved(passages=passages, retrieval=found.report, timings=watch.seconds | found.seconds)
