"""The document at `endpoints.STATS_PATH`: the API answers it, the operator turns it into status."""

from typing import Literal

from pydantic import BaseModel, Field

ProblemComponent = Literal["redis", "vector-store", "embedding", "worker", "llm", "files"]


class QueueStats(BaseModel):
    """Entries in each queue, waiting and running."""

    ingest: int
    embed: int


class ComponentProblem(BaseModel):
    """What keeps a part of the pipeline from its work now: a CamelCase reason, and a sentence."""

    component: ProblemComponent
    reason: str = Field(min_length=1, max_length=1024)
    message: str = Field(max_length=32_768)


class Stats(BaseModel):
    """Counts of a pipeline, and what is wrong with it.

    `documents` counts by state; `searchable` are those that searches find in the present `collection`.
    """

    documents: dict[str, int]
    searchable: int
    collection: str
    queue: QueueStats
    embedding_model: str
    problems: list[ComponentProblem] = []
