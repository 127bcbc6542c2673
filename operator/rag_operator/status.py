"""The status of a RagPipeline: conditions, the ready pods of each component, and what the API counts."""

from typing import Annotated, Any, Literal

from annotated_types import MaxLen
from pydantic import Field, ValidationInfo, field_validator

from rag_operator.fields import Part
from rag_operator.spec.embedding import EmbeddingServer, ManagedEmbedding

# The names of an index' pods end with nothing, or with "-b": two indexes can have pods at the same time.
Slot = Literal["", "b"]
# More are only remembered while the API does not answer.
MOST_CALLED_OFF = 8
# 64-bit, as everything that counts in Kubernetes.
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]


# metav1.Condition allows eight times as much; nobody reads it, and all conditions must fit into one object.
MESSAGE_CHARACTERS = 4096


class Said(Part):
    """What others say, as the status repeats it: cut to what the CRD allows, so that it can be written."""

    @field_validator("*", mode="before")
    @classmethod
    def _cut(cls, value: Any, field: ValidationInfo) -> Any:
        """Cut a text that is longer than its field may be."""
        bounds = cls.model_fields[str(field.field_name)].metadata
        longest = next((each.max_length for each in bounds if isinstance(each, MaxLen)), None)
        if longest is None or not isinstance(value, str) or len(value) <= longest:
            return value
        return f"{value[: longest - 1]}…"


class Condition(Said):
    """One aspect of the pipeline's state, in the form of metav1.Condition."""

    type: str = Field(max_length=316, description="What the condition speaks about, such as ApiReady.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(min_length=1, max_length=1024, description="Why, in one CamelCase word.")
    message: str = Field(max_length=MESSAGE_CHARACTERS, description="Why, in a sentence.")
    last_transition_time: str = Field(
        description="When status last changed.", json_schema_extra={"format": "date-time"}
    )
    observed_generation: Int64 = Field(
        default=0, description="Generation of the pipeline that the condition was computed from."
    )


class ComponentStatus(Said):
    """The pods of one component."""

    ready: str = Field(max_length=32, description="Pods that are ready of pods that should be, such as 1/2.")
    image: str = Field(max_length=512, description="Image of the main container.")


class QueueStatus(Part):
    """The queues in Redis."""

    depth: Int64 = Field(description="Documents and batches in the queues, waiting and running.")


class CollectionStatus(Part):
    """The collection of the vectors, and which of the pipeline's collections it is."""

    name: str = Field(max_length=63, description="Collection of the vectors.")
    revision: Int64 = Field(
        description="Number of the collection among those of the pipeline: a later one has a larger number."
    )


class IndexSpec(Part):
    """What an index was made for; the pipeline's spec may say something else by now."""

    collection: str = Field(max_length=63, description="Collection of the vectors.")
    embedding_model: str = Field(max_length=200, description="Embedding model of the vectors.")
    dimensions: int | None = Field(default=None, description="Length of a vector, of models that shorten it.")
    model_image: str | None = Field(default=None, max_length=512, description="Image with the model's files.")
    external: EmbeddingServer | None = Field(default=None, description="The server that runs the model.")
    chunk_size: int = Field(description="Length of a chunk, in tokens.")
    chunk_overlap: int = Field(description="Tokens at the end of a chunk that the next one repeats.")
    batch_size: int = Field(description="Chunks in one batch.")


class IndexStatus(Part):
    """A collection with what fills it: records, queues and pods of its own."""

    id: str = Field(max_length=128, description="What the keys of the index in Redis start with.")
    revision: Int64 = Field(description="Number of the index: a later one has a larger number.")
    slot: Slot = Field(default="", description="What the names of its pods end with.")
    spec: IndexSpec = Field(description="What the index was made for.")


class Indexes(Part):
    """The indexes of the pipeline; the operator finds here what it began."""

    serving: IndexStatus = Field(description="The index that questions are answered from.")
    next: IndexStatus | None = Field(
        default=None, description="The index that the documents are embedded anew for, to take its place."
    )
    retiring: IndexStatus | None = Field(
        default=None, description="The index that answered before; its pods stay until it is dropped."
    )
    called_off: tuple[IndexStatus, ...] = Field(
        default=(),
        max_length=MOST_CALLED_OFF,
        description="Indexes that were next and are not wanted any more, until they are dropped.",
    )
    managed: ManagedEmbedding | None = Field(
        default=None,
        description="How embedding pods with a model of their own were run, when the spec said so last.",
    )
    decided: Int64 = Field(description="Number that grows whenever another index, or none, is next.")

    @property
    def running(self) -> list[IndexStatus]:
        """The indexes that have pods."""
        return [each for each in (self.serving, self.next, self.retiring) if each]

    @property
    def servers(self) -> list[EmbeddingServer]:
        """The servers elsewhere that run models of theirs."""
        return [each.spec.external for each in self.running if each.spec.external]


class ReindexStatus(Said):
    """How far the documents are embedded anew."""

    origin: str = Field(
        alias="from", max_length=63, description="Collection that answers until all are done."
    )
    target: str = Field(alias="to", max_length=63, description="Collection that answers then.")
    done: Int64 = Field(description="Documents that are searchable in the new collection.")
    total: Int64 = Field(description="Documents that are searchable in the old one.")
    failed: Int64 = Field(description="Documents that failed in the new one, which keeps it from answering.")
    stuck: Int64 = Field(
        default=0, description="Documents that could not follow, which keeps it from that too."
    )
    waits: str = Field(default="", max_length=1024, description="Why no more documents are begun.")


class Status(Part):
    """What the operator last saw of the pipeline."""

    observed_generation: Int64 | None = Field(
        default=None, description="Generation of the pipeline that this status was computed from."
    )
    url: str | None = Field(
        default=None,
        max_length=512,
        description="URL of the API: from outside where the pipeline is exposed, else inside the cluster.",
    )
    embedding_model: str | None = Field(
        default=None, max_length=200, description="Embedding model of the vectors in the collection."
    )
    collection: CollectionStatus | None = Field(
        default=None, description="The collection that questions are answered from."
    )
    indexes: Indexes | None = Field(default=None, description="The indexes of the pipeline.")
    reindex: ReindexStatus | None = Field(
        default=None, description="How far the documents are embedded anew, while they are."
    )
    documents: Int64 | None = Field(default=None, description="Documents that can be asked about.")
    queue: QueueStatus | None = Field(default=None, description="The queues in Redis.")
    components: dict[str, ComponentStatus] | None = Field(
        default=None, max_length=16, description="The pods of each component."
    )
    conditions: list[Condition] | None = Field(
        default=None,
        max_length=32,
        description="Conditions of the pipeline. Ready copies the first one that fails.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
