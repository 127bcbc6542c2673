"""Redis, Qdrant and the files: what holds the data of a pipeline."""

from pydantic import Field

from rag_contract import defaults
from rag_operator.fields import AccessMode, HttpUrl, Part, RetentionPolicy, SecretKeyRef
from rag_operator.rules import EXACTLY_ONE, Rule, rules, spelt, validations
from rag_operator.spec.compute import Resources, resources
from rag_operator.spec.volumes import ACCESS_MODE_RULE, VOLUME_RULES, Size, Volume

COLLECTION_RULE = spelt(
    "[a-z0-9]([-_a-z0-9]*[a-z0-9])?",
    "must be lower-case letters, digits, dashes and underscores, a letter or digit first and last",
)


def _stays(part: str) -> Rule:
    return Rule(
        "has(self.managed) == has(oldSelf.managed)",
        f"{part} cannot move between managed and external, which would leave its data behind; "
        "make a pipeline of another name and upload the documents to it",
    )


class ManagedRedis(Part):
    """A Redis that the operator runs, with an append-only file and a generated password."""

    storage: Volume = Field(default=Volume(), description="Volume of the append-only file.")
    retention_policy: RetentionPolicy = Field(
        default="Retain",
        description="Whether the volume, with all documents' records, stays when the pipeline is deleted.",
    )
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

    model_config = rules(EXACTLY_ONE, _stays("queue"))

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

    model_config = rules(EXACTLY_ONE, _stays("vectorStore"))

    collection: str = Field(
        min_length=1,
        max_length=63,
        description="Collection of the vectors. It belongs to one embedding model for good. For another one"
        " every document is embedded anew, while the one before answers until all are in it.",
        json_schema_extra=validations(COLLECTION_RULE),
    )
    index_grace_seconds: int = Field(
        default=defaults.INDEX_GRACE_SECONDS,
        ge=10,
        le=604_800,
        description="Time for which a collection is kept once another one answers in its place.",
    )
    managed: ManagedQdrant | None = Field(default=None, description="Let the operator run Qdrant.")
    external: ExternalQdrant | None = Field(default=None, description="Use a Qdrant that runs elsewhere.")


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
