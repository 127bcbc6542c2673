"""The embedding model and who runs it."""

from pydantic import Field

from rag_contract import defaults
from rag_operator.fields import AccessMode, HttpUrl, ImageName, ModelName, Part, SecretKeyRef
from rag_operator.rules import EXACTLY_ONE, Rule, rules
from rag_operator.spec.compute import SMALL, Resources, resources
from rag_operator.spec.scaling import Autoscaling
from rag_operator.spec.volumes import ACCESS_MODE_RULE, VOLUME_RULES, Size, Volume


class ModelCache(Volume):
    """A volume that keeps what was downloaded from the Hugging Face hub."""

    model_config = rules(*VOLUME_RULES, ACCESS_MODE_RULE)

    size: Size = Field(default="20Gi", description="Size of the volume.")
    access_mode: AccessMode = Field(
        default="ReadWriteMany", description="ReadWriteOnce serves one embedding pod only."
    )


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
        default=defaults.EMBEDDING_CONCURRENCY,
        ge=1,
        le=64,
        description="Batches that one pod holds at the same time.",
    )
    batch_timeout_seconds: int = Field(
        default=defaults.BATCH_TIMEOUT_SECONDS,
        ge=5,
        le=3600,
        description="Seconds that a batch may wait in a pod with no chunk of it embedded, as while"
        " questions come first; then it goes back to the queue, which counts nothing against its document.",
    )
    resources: Resources = Field(
        default=resources("250m", "400Mi", "1Gi"),
        description="Compute resources of an embedding pod. A CPU limit also sets its number of threads.",
    )

    @property
    def max_replicas(self) -> int:
        """The most pods that can run at the same time."""
        if self.autoscaling:
            return self.autoscaling.max_replicas
        return 1 if self.replicas is None else self.replicas


class EmbeddingServer(Part):
    """A text-embeddings-inference server that runs elsewhere."""

    url: HttpUrl = Field(description="URL of the server, such as http://tei.models:8080.")
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Where the server's API key is, if it wants one."
    )


class ExternalEmbedding(EmbeddingServer):
    """A text-embeddings-inference server that runs elsewhere; pods of ours feed the batches to it."""

    replicas: int | None = Field(
        default=None,
        ge=1,
        le=50,
        description="Number of pods that feed the server; as many as the API has when unset.",
    )
    resources: Resources = Field(
        default=resources("250m", "400Mi", "1Gi"),
        description="Compute resources of a pod that feeds the server.",
    )

    @property
    def server(self) -> EmbeddingServer:
        """The server by itself."""
        return EmbeddingServer(url=self.url, api_key_secret_ref=self.api_key_secret_ref)


class Embedding(Part):
    """The embedding model and who runs it."""

    model_config = rules(EXACTLY_ONE)

    model: ModelName = Field(
        description="Name of the embedding model, of an image that the operator knows or on the Hugging Face"
        " hub. A change needs a new collection."
    )
    dimensions: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        description="Length of a vector, for models that can shorten them. A change needs a new collection.",
    )
    model_resources: Resources = Field(
        default=SMALL,
        description="Compute resources of the container that copies the model's files out of their image into"
        " an embedding pod or a worker.",
    )
    managed: ManagedEmbedding | None = Field(default=None, description="Let the operator run the model.")
    external: ExternalEmbedding | None = Field(default=None, description="Use a server that runs elsewhere.")
