"""The RagPipeline resource as frozen models: the one source of its defaults, bounds, rules and texts.

`python -m rag_operator.crd` prints the CustomResourceDefinition from these models, so every description here
is what `kubectl explain` shows. Rules that compare fields are CEL, kept on the model that they speak about.
"""

from typing import Literal

from pydantic import Field

from rag_operator.fields import (
    ACCESS_MODE_RULE,
    EXACTLY_ONE,
    VOLUME_RULES,
    AccessMode,
    HttpUrl,
    ImageName,
    LocalRef,
    ModelName,
    Part,
    Resources,
    RetentionPolicy,
    Rule,
    SecretKeyRef,
    Size,
    Volume,
    resources,
    rules,
)
from rag_operator.status import Status

GROUP = "ragpipeline.dev"
VERSION = "v1alpha1"
KIND = "RagPipeline"
PLURAL = "ragpipelines"
MIN_BATCHES_IN_FLIGHT = 64


class Images(Part):
    """Images of the pipeline's containers; each is the operator's own default when unset."""

    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="Pull policy of every container; the operator's default when unset."
    )
    pull_secrets: list[LocalRef] = Field(
        default=[], max_length=8, description="Secrets with which the images are pulled."
    )
    api: ImageName | None = Field(default=None, description="Image of the API.")
    worker: ImageName | None = Field(default=None, description="Image of the workers.")
    embedding: ImageName | None = Field(default=None, description="Image of the embedding service.")
    llm: ImageName | None = Field(default=None, description="Image of the LLM service.")
    redis: ImageName | None = Field(default=None, description="Image of the managed Redis.")
    qdrant: ImageName | None = Field(default=None, description="Image of the managed Qdrant.")
    llama_server: ImageName | None = Field(
        default=None,
        description="Image of the managed LLM's engine: llama.cpp's server, or one with its flags.",
    )


class Auth(Part):
    """Who may call the API."""

    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="Key that clients must send, as a bearer token or in X-API-Key. Unset: no key.",
    )


class Api(Part):
    """The REST API: uploads, documents and questions."""

    replicas: int = Field(default=2, ge=1, le=50, description="Number of API pods.")
    auth: Auth = Field(default=Auth(), description="Who may call the API.")
    resources: Resources = Field(
        default=resources("100m", "192Mi", "512Mi"), description="Compute resources of an API pod."
    )


class Workers(Part):
    """The workers that parse and chunk documents."""

    replicas: int = Field(
        default=1, ge=0, le=100, description="Number of worker pods. Zero stops ingestion; uploads wait."
    )
    concurrency: int = Field(
        default=1, ge=1, le=32, description="Documents that one worker pod takes on at the same time."
    )
    resources: Resources = Field(
        default=resources("100m", "256Mi", "1Gi"), description="Compute resources of a worker pod."
    )


class Ingestion(Part):
    """How documents become vectors."""

    model_config = rules(
        Rule("self.chunkOverlap < self.chunkSize", "chunkOverlap must be smaller than chunkSize"),
    )

    chunk_size: int = Field(
        default=200, ge=16, le=8192, description="Length of a chunk, in tokens of the embedding model."
    )
    chunk_overlap: int = Field(
        default=40, ge=0, le=4096, description="Tokens at the end of a chunk that the next one repeats."
    )
    batch_size: int = Field(
        default=32, ge=1, le=128, description="Chunks in one batch, the unit of work of the embedding queue."
    )
    max_batches_in_flight: int | None = Field(
        default=None,
        ge=1,
        le=20_000_000,
        description="Batches that may wait in the embedding queue; workers pause above it, which bounds the"
        " memory of Redis. Unset: twice what autoscaling needs to reach all replicas, and at least 64.",
    )
    retries: int = Field(
        default=3, ge=0, le=20, description="Times that a failed document or batch is tried again."
    )
    retry_delay_seconds: int = Field(
        default=60, ge=0, le=3600, description="Pause before a failed document is tried again."
    )
    time_limit_seconds: int = Field(
        default=300,
        ge=10,
        le=7200,
        description="Time that parsing and chunking one document may take, without waiting for embedding.",
    )
    upload_limit: Size = Field(default="100Mi", description="Largest file that the API accepts.")


class ManagedRedis(Part):
    """A Redis that the operator runs, with an append-only file and a generated password."""

    storage: Volume = Field(default=Volume(), description="Volume of the append-only file.")
    resources: Resources = Field(
        default=resources("50m", "64Mi", "256Mi"),
        description="Compute resources of Redis; three quarters of the memory limit are its maxmemory.",
    )


class ExternalRedis(Part):
    """A Redis that runs elsewhere."""

    url_secret_ref: SecretKeyRef = Field(
        description="Where the URL is: redis://[user:password@]host[:port][/database], or rediss:// for TLS."
    )


class Queue(Part):
    """Redis, which holds the queues and the documents' records."""

    model_config = rules(EXACTLY_ONE)

    managed: ManagedRedis | None = Field(default=None, description="Let the operator run Redis.")
    external: ExternalRedis | None = Field(default=None, description="Use a Redis that runs elsewhere.")


class VectorVolume(Volume):
    """The volume of the managed Qdrant."""

    size: Size = Field(
        default="20Gi", description="Size of the volume. It can grow if the storage class allows it."
    )


class ManagedQdrant(Part):
    """A Qdrant of one node that the operator runs, with a generated API key."""

    storage: VectorVolume = Field(default=VectorVolume(), description="Volume of the vectors.")
    retention_policy: RetentionPolicy = Field(
        default="Retain", description="Whether the volume stays when the pipeline is deleted."
    )
    resources: Resources = Field(
        default=resources("100m", "256Mi", "2Gi"), description="Compute resources of Qdrant."
    )


class ExternalQdrant(Part):
    """A Qdrant that runs elsewhere."""

    url: HttpUrl = Field(description="URL of Qdrant's REST API, such as https://qdrant.example.com:6333.")
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Where Qdrant's API key is, if it wants one."
    )


class VectorStore(Part):
    """Qdrant, which holds the vectors."""

    model_config = rules(
        EXACTLY_ONE,
        Rule(
            "has(self.managed) == has(oldSelf.managed)",
            "vectorStore cannot move between managed and external in place",
        ),
    )

    collection: str = Field(
        min_length=1,
        max_length=63,
        pattern="^[a-z0-9]([-a-z0-9_]*[a-z0-9])?$",
        description="Collection of the vectors. It belongs to one embedding model for good.",
    )
    managed: ManagedQdrant | None = Field(default=None, description="Let the operator run Qdrant.")
    external: ExternalQdrant | None = Field(default=None, description="Use a Qdrant that runs elsewhere.")


class ModelCache(Volume):
    """A volume that keeps what was downloaded from the Hugging Face hub."""

    model_config = rules(*VOLUME_RULES, ACCESS_MODE_RULE)

    size: Size = Field(default="20Gi", description="Size of the volume.")
    access_mode: AccessMode = Field(
        default="ReadWriteMany", description="ReadWriteOnce serves one embedding pod only."
    )


class ScaleUp(Part):
    """How fast embedding pods are added: the larger of percent and pods in each period."""

    stabilization_window_seconds: int = Field(
        default=0, ge=0, le=3600, description="Time over which the lowest wish counts before pods are added."
    )
    percent: int = Field(default=100, ge=1, le=1000, description="Percent of the pods added in a period.")
    pods: int = Field(default=2, ge=1, le=100, description="Pods added in a period.")
    period_seconds: int = Field(default=15, ge=1, le=1800, description="Length of a period.")


class ScaleDown(Part):
    """How fast embedding pods are taken away."""

    stabilization_window_seconds: int = Field(
        default=180, ge=0, le=3600, description="Time over which the highest wish counts before pods leave."
    )
    pods: int = Field(default=1, ge=1, le=100, description="Pods taken away in a period.")
    period_seconds: int = Field(default=60, ge=1, le=1800, description="Length of a period.")


class Autoscaling(Part):
    """Scaling of the embedding pods on the depth of their queue, by KEDA."""

    model_config = rules(
        Rule("self.minReplicas <= self.maxReplicas", "minReplicas must not exceed maxReplicas"),
    )

    min_replicas: int = Field(default=1, ge=1, le=100, description="Fewest embedding pods.")
    max_replicas: int = Field(ge=1, le=100, description="Most embedding pods.")
    target_queue_length: int = Field(
        default=20, ge=1, le=100_000, description="Batches, waiting and running, for each embedding pod."
    )
    activation_queue_length: int = Field(
        default=0, ge=0, le=100_000, description="Batches above which KEDA calls the scaler active."
    )
    polling_interval_seconds: int = Field(
        default=15, ge=5, le=300, description="Time between two looks at the queue."
    )
    cooldown_seconds: int = Field(
        default=300, ge=0, le=86_400, description="Quiet time after which KEDA calls the scaler inactive."
    )
    scale_up: ScaleUp = Field(default=ScaleUp(), description="How fast pods are added.")
    scale_down: ScaleDown = Field(default=ScaleDown(), description="How fast pods are taken away.")


class ManagedEmbedding(Part):
    """Embedding pods that hold the model themselves."""

    model_config = rules(
        Rule(
            "!(has(self.replicas) && has(self.autoscaling))",
            "replicas and autoscaling are mutually exclusive",
        ),
        Rule(
            "!has(self.cache) || self.cache.accessMode == 'ReadWriteMany' || "
            "((!has(self.replicas) || self.replicas <= 1) && "
            "(!has(self.autoscaling) || self.autoscaling.maxReplicas <= 1))",
            "a ReadWriteOnce cache cannot back more than one replica; use ReadWriteMany or drop cache",
        ),
    )

    model_image: ImageName | None = Field(
        default=None,
        description="Image with the model's files in /models. Unset: the image that the operator knows for"
        " the model, else a download from the Hugging Face hub when a pod starts.",
    )
    cache: ModelCache | None = Field(
        default=None, description="Volume for downloads from the hub, shared by all embedding pods."
    )
    replicas: int | None = Field(
        default=None, ge=0, le=100, description="Fixed number of pods; one when autoscaling is unset too."
    )
    autoscaling: Autoscaling | None = Field(default=None, description="Scale the pods on their queue.")
    concurrency: int = Field(
        default=4, ge=1, le=64, description="Batches that one pod holds at the same time."
    )
    batch_timeout_seconds: int = Field(
        default=60, ge=5, le=3600, description="Time that embedding and storing one batch may take."
    )
    resources: Resources = Field(
        default=resources("250m", "400Mi", "1Gi"),
        description="Compute resources of an embedding pod. A CPU limit also sets its number of threads.",
    )


class ExternalEmbedding(Part):
    """A text-embeddings-inference server that runs elsewhere; one pod feeds the batches to it."""

    url: HttpUrl = Field(description="URL of the server, such as http://tei.models:8080.")
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Where the server's API key is, if it wants one."
    )


class Embedding(Part):
    """The embedding model and who runs it."""

    model_config = rules(EXACTLY_ONE)

    model: ModelName = Field(
        description="Name of the embedding model on the Hugging Face hub. A change needs a new collection."
    )
    dimensions: int | None = Field(
        default=None, ge=1, le=65_536, description="Length of a vector, for models that can shorten them."
    )
    managed: ManagedEmbedding | None = Field(default=None, description="Let the operator run the model.")
    external: ExternalEmbedding | None = Field(default=None, description="Use a server that runs elsewhere.")


class ManagedLlm(Part):
    """A language model that llama.cpp serves in the pipeline's own pods."""

    model: ModelName = Field(description="Name of the model, which answers carry.")
    model_image: ImageName | None = Field(
        default=None,
        description="Image with the model's file in /models. Unset: the one that the operator knows for"
        " the model.",
    )
    model_file: str = Field(
        default="model.gguf",
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Name of the GGUF file in /models.",
    )
    context_length: int = Field(
        default=2048, ge=256, le=1_048_576, description="Context of one answer, in tokens of the model."
    )
    parallel: int = Field(default=2, ge=1, le=64, description="Answers that one pod writes at the same time.")
    replicas: int = Field(default=1, ge=0, le=50, description="Number of pods.")
    resources: Resources = Field(
        default=resources("250m", "512Mi", "2Gi"),
        description="Compute resources of the engine. A CPU limit also sets its number of threads.",
    )


class ExternalLlm(Part):
    """An OpenAI-compatible server that runs elsewhere, such as vLLM."""

    url: HttpUrl = Field(description="Base URL of the API, such as http://vllm.models:8000/v1.")
    model: ModelName = Field(description="Name of the model on that server.")
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Where the server's API key is, if it wants one."
    )


class Llm(Part):
    """The language model and who runs it."""

    model_config = rules(EXACTLY_ONE)

    managed: ManagedLlm | None = Field(default=None, description="Let the operator run the model.")
    external: ExternalLlm | None = Field(default=None, description="Use a server that runs elsewhere.")
    max_tokens: int = Field(default=256, ge=1, le=32_768, description="Longest answer, in tokens.")
    temperature: float = Field(
        default=0, ge=0, le=2, description="Zero gives the same answer to the same question."
    )


class Retrieval(Part):
    """How passages are found for a question."""

    top_k: int = Field(default=5, ge=1, le=100, description="Passages that an answer is written from.")
    score_threshold: float = Field(
        default=0, ge=-1, le=1, description="Cosine similarity below which a passage is left out."
    )


class ManagedStorage(Volume):
    """A volume for the uploaded files, which the API writes and the workers read."""

    model_config = rules(*VOLUME_RULES, ACCESS_MODE_RULE)

    size: Size = Field(default="10Gi", description="Size of the volume.")
    access_mode: AccessMode = Field(
        default="ReadWriteOnce",
        description="With ReadWriteOnce all pods of the API and the workers share one node.",
    )
    retention_policy: RetentionPolicy = Field(
        default="Retain", description="Whether the volume stays when the pipeline is deleted."
    )


class Storage(Part):
    """Where the uploaded files are."""

    managed: ManagedStorage = Field(default=ManagedStorage(), description="A volume that the operator makes.")


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

    @property
    def autoscaling(self) -> Autoscaling | None:
        """The autoscaling of the embedding pods, if they scale."""
        return self.embedding.managed.autoscaling if self.embedding.managed else None

    @property
    def max_embedding_replicas(self) -> int:
        """The most embedding pods that can run at the same time."""
        if self.autoscaling:
            return self.autoscaling.max_replicas
        managed = self.embedding.managed
        return managed.replicas if managed and managed.replicas is not None else 1

    @property
    def max_batches_in_flight(self) -> int:
        """The bound of the embedding queue: as set, or twice what autoscaling needs to reach all replicas."""
        if self.ingestion.max_batches_in_flight is not None:
            return self.ingestion.max_batches_in_flight
        needed = (
            self.autoscaling.max_replicas * self.autoscaling.target_queue_length if self.autoscaling else 0
        )
        return max(MIN_BATCHES_IN_FLIGHT, 2 * needed)


class ObjectMeta(Part):
    """The part of an object's metadata that the operator reads."""

    name: str = Field(max_length=40)
    namespace: str = "default"
    uid: str = ""
    generation: int = 1
    resource_version: str = ""


class RagPipeline(Part):
    """A retrieval-augmented generation service: documents in, answers with citations out."""

    metadata: ObjectMeta
    spec: Spec = Field(description="What the pipeline should be.")
    status: Status = Field(default=Status(), description="What the operator last saw of the pipeline.")
