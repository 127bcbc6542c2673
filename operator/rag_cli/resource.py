"""A RagPipeline as its resource tells of it, as far as the command line makes use of it."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from rag_contract.stats import Reindex


class Resource(BaseModel):
    """A part of a resource, with names as Kubernetes has them."""

    model_config = ConfigDict(alias_generator=to_camel)


class Condition(Resource):
    """One aspect of a pipeline's state."""

    type: str
    status: str
    reason: str
    message: str


class Component(Resource):
    """The pods of one component: `ready` is such as 1/2."""

    ready: str


class Collection(Resource):
    """Where questions are answered from."""

    name: str


class Queue(Resource):
    """Documents and batches that wait or are worked on."""

    depth: int


class PipelineStatus(Resource):
    """What the operator says of a pipeline; nothing before it has seen it."""

    url: str | None = None
    embedding_model: str | None = None
    collection: Collection | None = None
    documents: int | None = None
    queue: Queue | None = None
    reindex: Reindex | None = None
    components: dict[str, Component] = {}
    conditions: list[Condition] = []


class Metadata(Resource):
    """Which pipeline it is."""

    name: str
    namespace: str


class Pipeline(Resource):
    """A RagPipeline."""

    metadata: Metadata
    status: PipelineStatus = PipelineStatus()

    @property
    def ready(self) -> Condition:
        """The condition that sums up the others."""
        return self.condition("Ready")

    def condition(self, type: str) -> Condition:
        """Return a condition; one that is unknown before the operator has seen the pipeline."""
        unseen = Condition(
            type=type, status="Unknown", reason="NotSeen", message="the operator has not seen it yet"
        )
        return next((each for each in self.status.conditions if each.type == type), unseen)
