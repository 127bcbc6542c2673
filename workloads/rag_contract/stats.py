"""The document at `endpoints.STATS_PATH`: the API answers it, the operator turns it into status."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ProblemComponent = Literal["redis", "vector-store", "embedding", "worker", "llm", "files", "api"]


class QueueStats(BaseModel):
    """Entries in each queue, waiting and running."""

    ingest: int
    embed: int


class ComponentProblem(BaseModel):
    """What keeps a part of the pipeline from its work now: a CamelCase reason, and a sentence.

    One that a pod has which is `starting` says nothing of others, which may have started before.
    """

    component: ProblemComponent
    reason: str = Field(min_length=1, max_length=1024)
    message: str = Field(max_length=32_768)
    starting: bool = False


class Reindex(BaseModel):
    """How far the documents are embedded anew for another index: `done` of `total` are searchable in it.

    `origin` and `target` are the collections. It answers once all are done. `failed` keep it from that, and
    so do those that are `stuck`, which could not follow at the last look. `waits` says why no more are begun,
    or is "".
    """

    model_config = ConfigDict(validate_by_name=True)

    origin: str = Field(alias="from")
    target: str = Field(alias="to")
    done: int
    total: int
    failed: int
    stuck: int = 0
    waits: str = ""


class Stats(BaseModel):
    """Counts of a pipeline, and what is wrong with it.

    `documents` counts by state; `searchable` are those that searches find in the present `collection`.
    `has_words` is false where that can be searched by meaning only, as an earlier release made it.
    `index` is the id of the index that answers, `indexes` are those of all that take room in the stores;
    an API of an earlier release names none. `asked` are the parts that the API asks again and again how they
    are, each with what is wrong with it, or None.
    """

    documents: dict[str, int]
    searchable: int
    collection: str
    queue: QueueStats
    embedding_model: str
    has_words: bool = True
    index: str = ""
    indexes: list[str] = []
    reindex: Reindex | None = None
    asked: dict[ProblemComponent, ComponentProblem | None] = {}
    problems: list[ComponentProblem] = []
