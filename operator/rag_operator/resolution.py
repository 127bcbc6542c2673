"""From references to values: the user's Secrets, and the passwords that the operator generates."""

import base64
import binascii
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rag_operator import names
from rag_operator.connections import (
    QDRANT_PORT,
    InvalidRedisUrl,
    QueueConnection,
    VectorStoreConnection,
)
from rag_operator.fields import SecretKeyRef
from rag_operator.names import Component, Manifest
from rag_operator.pipeline import RagPipeline

SecretData = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Unresolved:
    """Why the pipeline's references cannot be resolved; nothing is built until they can."""

    reason: str
    message: str


@dataclass(frozen=True)
class Resolution:
    """How to reach Redis and Qdrant."""

    queue: QueueConnection
    vector_store: VectorStoreConnection


def references(pipeline: RagPipeline) -> list[SecretKeyRef]:
    """Return every reference to a Secret that the user made, and those from when an index was made."""
    spec, indexes = pipeline.spec, pipeline.status.indexes
    tracing = spec.monitoring.tracing
    optional = [
        spec.queue.external.url_secret_ref if spec.queue.external else None,
        spec.vector_store.external.api_key_secret_ref if spec.vector_store.external else None,
        *spec.api.auth.references,
        spec.embedding.external.api_key_secret_ref if spec.embedding.external else None,
        spec.llm.external.api_key_secret_ref if spec.llm and spec.llm.external else None,
        spec.retrieval.reranker.api_key_secret_ref if spec.retrieval.reranker else None,
        tracing.headers_secret_ref if tracing else None,
        *(server.api_key_secret_ref for server in (indexes.servers if indexes else ())),
    ]
    return [reference for reference in optional if reference]


def decode(secret: Manifest) -> dict[str, str]:
    """Return the contents of a Secret; a value that is no text is left out, as if it were missing."""
    contents = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            contents[key] = base64.b64decode(value).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return contents


def foreign(pipeline: RagPipeline, secrets: Iterable[Manifest]) -> Unresolved | None:
    """Return why the pipeline cannot have its own Secrets: neither owner nor labels say that one is ours."""
    for secret in secrets:
        labels = secret["metadata"].get("labels", {})
        labelled = names.children_labels(pipeline).items() <= labels.items()
        if not (labelled or names.is_ours(secret, pipeline)):
            name = secret["metadata"]["name"]
            message = (
                f"Secret {name} exists and does not belong to the pipeline; "
                "delete it, or give the pipeline another name"
            )
            return Unresolved("SecretConflict", message)
    return None


def resolve(pipeline: RagPipeline, user: SecretData, own: SecretData) -> Resolution | Unresolved:
    """Resolve the pipeline's references.

    `user` holds the Secrets that it refers to, `own` those that the operator made before: a password is
    generated once, and kept for as long as the Secret with it exists.
    """
    for reference in references(pipeline):
        if reference.mistake:
            return Unresolved("InvalidSecretReference", reference.mistake)
        if reference.name not in user:
            return Unresolved("SecretNotFound", f"Secret {reference.name} does not exist")
        value = user[reference.name].get(reference.key)
        if value is None:
            return Unresolved("SecretKeyNotFound", f"Secret {reference.name} has no key {reference.key}")
        if not value.strip():
            empty = f"key {reference.key} of Secret {reference.name} is empty"
            return Unresolved("SecretKeyNotFound", f"{empty}; write its value, or drop the reference")
    try:
        queue = _queue(pipeline, user, own.get(names.queue_secret(pipeline), {}))
    except InvalidRedisUrl as error:
        return Unresolved("InvalidRedisUrl", f"the URL in queue.external.urlSecretRef is wrong: {error}")
    vector_store = _vector_store(pipeline, user, own.get(names.vector_store_secret(pipeline), {}))
    return Resolution(queue, vector_store)


def _queue(pipeline: RagPipeline, user: SecretData, own: Mapping[str, str]) -> QueueConnection:
    if external := pipeline.spec.queue.external:
        return QueueConnection.parse(user[external.url_secret_ref.name][external.url_secret_ref.key])
    managed = QueueConnection(host=names.host(pipeline, Component.REDIS), password="")
    return managed._replace(password=managed.password_in(own) or generate_password())


def _vector_store(pipeline: RagPipeline, user: SecretData, own: Mapping[str, str]) -> VectorStoreConnection:
    if external := pipeline.spec.vector_store.external:
        reference = external.api_key_secret_ref
        return VectorStoreConnection(external.url, user[reference.name][reference.key] if reference else "")
    url = names.url(pipeline, Component.QDRANT, QDRANT_PORT)
    return VectorStoreConnection(url, own.get("api-key") or generate_password())


def generate_password() -> str:
    """Return a new password of letters, digits, dashes and underscores."""
    return secrets.token_urlsafe(24)
