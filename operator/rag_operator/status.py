"""The status of a RagPipeline: conditions, the ready pods of each component, and what the API counts."""

from typing import Annotated, Literal

from pydantic import Field

from rag_operator.fields import Part

# 64-bit, as everything that counts in Kubernetes.
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]


class Condition(Part):
    """One aspect of the pipeline's state, in the form of metav1.Condition."""

    type: str = Field(max_length=316, description="What the condition speaks about, such as ApiReady.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(min_length=1, max_length=1024, description="Why, in one CamelCase word.")
    message: str = Field(max_length=32_768, description="Why, in a sentence.")
    last_transition_time: str = Field(
        description="When status last changed.", json_schema_extra={"format": "date-time"}
    )
    observed_generation: Int64 = Field(
        default=0, description="Generation of the pipeline that the condition was computed from."
    )


class ComponentStatus(Part):
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


class Status(Part):
    """What the operator last saw of the pipeline."""

    observed_generation: Int64 | None = Field(
        default=None, description="Generation of the pipeline that this status was computed from."
    )
    url: str | None = Field(default=None, max_length=512, description="URL of the API inside the cluster.")
    embedding_model: str | None = Field(
        default=None, max_length=200, description="Embedding model of the pipeline."
    )
    collection: CollectionStatus | None = Field(default=None, description="The collection of the vectors.")
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
