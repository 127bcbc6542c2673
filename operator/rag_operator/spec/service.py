"""The API, the workers, and how documents and questions are treated."""

from typing import Literal

from pydantic import Field

from rag_contract import defaults
from rag_contract.api_keys import Scope
from rag_operator.fields import ImageName, LocalRef, Part, SecretKeyRef
from rag_operator.rules import DNS_LABEL, Rule, rules, spelt, validations
from rag_operator.spec.compute import Resources, resources
from rag_operator.spec.volumes import Size

EACH_ONCE_RULE = Rule(
    "self.all(one, self.exists_one(other, other.name == one.name))", "name each Secret once, not twice"
)


class Images(Part):
    """Images of the pipeline's containers; each is the operator's own default when unset."""

    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="Pull policy of every container; the operator's default when unset."
    )
    pull_secrets: list[LocalRef] = Field(
        default=[],
        max_length=8,
        description="Secrets with which the images are pulled.",
        json_schema_extra=validations(EACH_ONCE_RULE),
    )
    api: ImageName | None = Field(default=None, description="Image of the API.")
    worker: ImageName | None = Field(default=None, description="Image of the workers.")
    worker_ocr: ImageName | None = Field(
        default=None, description="Image of the workers with text recognition, for ingestion.ocr."
    )
    embedding: ImageName | None = Field(default=None, description="Image of the embedding service.")
    llm: ImageName | None = Field(default=None, description="Image of the LLM service.")
    redis: ImageName | None = Field(default=None, description="Image of the managed Redis, 7.0 or later.")
    qdrant: ImageName | None = Field(default=None, description="Image of the managed Qdrant.")
    llama_server: ImageName | None = Field(
        default=None,
        description="Image of the managed LLM's engine: llama.cpp's server, or one with its flags. It is"
        " probed by the curl that is in it.",
    )


class ApiKey(Part):
    """One of several keys of the API."""

    name: str = Field(
        min_length=1,
        max_length=63,
        description="Name of the key, which logs and metrics show.",
        json_schema_extra=validations(
            spelt(
                DNS_LABEL, "must be lower-case letters, digits and dashes, a letter or digit first and last"
            )
        ),
    )
    secret_key_ref: SecretKeyRef = Field(description="Where the key's value is.")
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=3,
        description="What the key allows: query for questions, ingest for documents, admin for everything.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Requests that are answered in a minute, not counting statistics; unset: any number.",
    )


class Auth(Part):
    """Who may call the API: everybody when no key is set, else who sends one of the keys."""

    model_config = rules(
        Rule(
            "!has(self.apiKeySecretRef) || !self.keys.exists(key, key.name == 'default')",
            "the key of apiKeySecretRef is called default; give the one in keys another name",
            field_path=".keys",
        )
    )

    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="Key that clients may send, as a bearer token or in X-API-Key. It has all scopes and the"
        " name default.",
    )
    keys: list[ApiKey] = Field(
        default=[],
        max_length=16,
        description="More keys, each with scopes of its own. Two that are both valid let clients change from"
        " one to the other.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )

    @property
    def references(self) -> list[SecretKeyRef]:
        """Where the keys' values are, in the order of the resource."""
        first = [self.api_key_secret_ref] if self.api_key_secret_ref else []
        return [*first, *(key.secret_key_ref for key in self.keys)]


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
        default=defaults.WORKER_CONCURRENCY,
        ge=1,
        le=32,
        description="Documents that one worker pod takes on at the same time.",
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
        default=defaults.CHUNK_SIZE_TOKENS,
        ge=16,
        le=8192,
        description="Length of a chunk, in tokens of the embedding model.",
    )
    chunk_overlap: int = Field(
        default=defaults.CHUNK_OVERLAP_TOKENS,
        ge=0,
        le=4096,
        description="Tokens at the end of a chunk that the next one repeats.",
    )
    batch_size: int = Field(
        default=defaults.BATCH_CHUNKS,
        ge=1,
        le=128,
        description="Chunks in one batch, the unit of work of the embedding queue.",
    )
    max_batches_in_flight: int | None = Field(
        default=None,
        ge=1,
        le=20_000_000,
        description="Batches that may wait in the embedding queue; workers pause above it, which bounds the"
        " memory of Redis. Unset: twice what autoscaling needs to reach all replicas, and at least 64.",
    )
    retries: int = Field(
        default=defaults.RETRIES,
        ge=0,
        le=20,
        description="Times that a failed document or batch is tried again.",
    )
    retry_delay_seconds: int = Field(
        default=defaults.RETRY_DELAY_SECONDS,
        ge=0,
        le=3600,
        description="Pause before a failed document is tried again.",
    )
    time_limit_seconds: int = Field(
        default=defaults.TIME_LIMIT_SECONDS,
        ge=10,
        le=7200,
        description="Time that parsing and chunking one document may take, without waiting for embedding.",
    )
    ocr: bool = Field(
        default=False,
        description="Read pages that are pictures, such as scans, by text recognition in Chinese and English:"
        " in images.workerOcr, at a few seconds of a core a page. A worker needs 2 GiB for each document that"
        " it takes on at the same time.",
    )
    upload_limit: Size = Field(
        default=f"{defaults.UPLOAD_LIMIT_MIB}Mi", description="Largest file that the API accepts."
    )
