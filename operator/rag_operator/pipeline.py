"""The RagPipeline resource as frozen models: the one source of its defaults, bounds, rules and texts.

`python -m rag_operator.crd` prints the CustomResourceDefinition from these models, so every description here
is what `kubectl explain` shows. Rules that compare fields are CEL, kept on the model that they speak about.
"""

from datetime import UTC, datetime

from pydantic import Field

from rag_contract import defaults
from rag_operator.fields import Part
from rag_operator.rules import Rule, rules
from rag_operator.spec.embedding import Embedding
from rag_operator.spec.expose import Expose
from rag_operator.spec.llm import Llm
from rag_operator.spec.monitoring import Monitoring
from rag_operator.spec.retrieval import Retrieval
from rag_operator.spec.scaling import Autoscaling
from rag_operator.spec.service import Api, Images, Ingestion, Workers
from rag_operator.spec.stores import ManagedRedis, Queue, Storage, VectorStore
from rag_operator.status import Status

GROUP = "ragpipeline.dev"
VERSION = "v1alpha1"
KIND = "RagPipeline"
PLURAL = "ragpipelines"


class Spec(Part):
    """What the pipeline should be."""

    model_config = rules(
        Rule(
            "self.embedding.model == oldSelf.embedding.model || "
            "self.vectorStore.collection != oldSelf.vectorStore.collection",
            "changing embedding.model needs a new vectorStore.collection; "
            "vectors of two models cannot share one",
            field_path=".embedding.model",
        ),
        Rule(
            "(has(self.embedding.dimensions) == has(oldSelf.embedding.dimensions) && "
            "(!has(self.embedding.dimensions) || "
            "self.embedding.dimensions == oldSelf.embedding.dimensions)) || "
            "self.vectorStore.collection != oldSelf.vectorStore.collection",
            "changing embedding.dimensions needs a new vectorStore.collection; "
            "vectors of two lengths cannot share one",
            field_path=".embedding.dimensions",
        ),
        Rule(
            "!has(self.ingestion.maxBatchesInFlight) || !has(self.embedding.managed) || "
            "!has(self.embedding.managed.autoscaling) || self.ingestion.maxBatchesInFlight > "
            "self.embedding.managed.autoscaling.maxReplicas * "
            "self.embedding.managed.autoscaling.targetQueueLength",
            "maxBatchesInFlight must exceed maxReplicas x targetQueueLength, "
            "or the queue can never ask for all replicas",
            field_path=".ingestion.maxBatchesInFlight",
        ),
    )

    suspend: bool = Field(
        default=False, description="Stop all pods and keep all data. The pipeline resumes when it is unset."
    )
    images: Images = Field(default=Images(), description="Images of the containers.")
    api: Api = Field(default=Api(), description="The REST API.")
    workers: Workers = Field(default=Workers(), description="The pods that parse and chunk documents.")
    ingestion: Ingestion = Field(default=Ingestion(), description="How documents become vectors.")
    queue: Queue = Field(
        default=Queue(managed=ManagedRedis()), description="Redis, for the queues and the documents' records."
    )
    vector_store: VectorStore = Field(description="Qdrant, for the vectors.")
    embedding: Embedding = Field(description="The embedding model and who runs it.")
    llm: Llm | None = Field(
        default=None, description="The language model. Unset: questions are answered with citations only."
    )
    retrieval: Retrieval = Field(default=Retrieval(), description="How passages are found for a question.")
    storage: Storage = Field(default=Storage(), description="Where the uploaded files are.")
    expose: Expose | None = Field(
        default=None,
        description="How the pipeline is reached from outside. Unset: inside the cluster only.",
    )
    monitoring: Monitoring = Field(
        default=Monitoring(), description="What the pipeline tells of itself beside its metrics."
    )

    @property
    def autoscaling(self) -> Autoscaling | None:
        """The autoscaling of the embedding pods, if they scale."""
        return self.embedding.managed.autoscaling if self.embedding.managed else None

    @property
    def max_batches_in_flight(self) -> int:
        """The bound of the embedding queue: as set, or twice what autoscaling needs to reach all replicas."""
        if self.ingestion.max_batches_in_flight is not None:
            return self.ingestion.max_batches_in_flight
        needed = (
            self.autoscaling.max_replicas * self.autoscaling.target_queue_length if self.autoscaling else 0
        )
        return max(defaults.MAX_BATCHES_IN_FLIGHT, 2 * needed)


class ObjectMeta(Part):
    """The part of an object's metadata that the operator reads."""

    name: str = Field(max_length=40)
    namespace: str = "default"
    uid: str = ""
    generation: int = 1
    creation_timestamp: datetime = datetime.fromtimestamp(0, UTC)


class RagPipeline(Part):
    """A retrieval-augmented generation service: documents in, answers with citations out."""

    metadata: ObjectMeta
    spec: Spec = Field(description="What the pipeline should be.")
    status: Status = Field(default=Status(), description="What the operator last saw of the pipeline.")
