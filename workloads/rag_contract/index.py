"""The indexes of a pipeline: each is a collection with the records, queues and pods that fill it.

A pipeline has one index, and a second one while its documents are embedded anew for another model or layout.
The operator decides which there are; which of them answers stands in Redis.
"""

from pydantic import BaseModel, ConfigDict

SEPARATOR = "~"  # in no name of Kubernetes


class Index(BaseModel):
    """An index, and how the API reaches it; `id` is what its keys in Redis start with."""

    model_config = ConfigDict(frozen=True)

    id: str
    collection: str
    embedding_url: str
    embedding_model: str


def index_id(pipeline: str, revision: int | None = None) -> str:
    """The id of a pipeline's index; without a revision that of its first one."""
    return pipeline if revision is None else f"{pipeline}{SEPARATOR}{revision}"


def revision_of(index: str) -> int | None:
    """The revision in the id of an index; None for a pipeline's first one."""
    revision = index.partition(SEPARATOR)[2]
    return int(revision) if revision else None


def pipeline_of(index: str) -> str:
    """The pipeline of an index."""
    return index.partition(SEPARATOR)[0]
